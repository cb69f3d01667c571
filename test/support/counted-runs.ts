import type { OpenChannel } from '../../gateway/core/channel.js';
import { systemClock } from '../../gateway/core/clock.js';
import { type ThreadChannelOptions, threadChannels } from '../../gateway/pool/thread-channel.js';

/** One run that was sent to a worker. */
export interface SentRun {
  readonly key: string;
  readonly rows: number;
  readonly worker: number;
  /** When it ran, as its worker measured it; absent while it has not ended well. Instants are on the machine-wide monotonic clock. */
  ran?: { readonly startedAt: number; readonly endedAt: number };
}

/** The real worker threads, and every run that they were sent: those that failed, too, which no metric counts. */
export function countedRuns(options: Partial<ThreadChannelOptions> = {}): {
  readonly openChannel: OpenChannel;
  readonly runs: SentRun[];
} {
  const runs: SentRun[] = [];
  const open = threadChannels({
    clock: systemClock,
    recorder: { dropped: () => {} },
    intraOpThreads: 1,
    ...options,
  });
  const openChannel: OpenChannel = async (index) => {
    const channel = await open(index);
    const run = channel.run.bind(channel);
    channel.run = (command, done) => {
      const sent: SentRun = { key: command.key, rows: command.inputs[0]?.shape[0] ?? 0, worker: index };
      runs.push(sent);
      run(command, (outcome) => {
        if (outcome.kind === 'success') sent.ran = { startedAt: outcome.startedAt, endedAt: outcome.endedAt };
        done(outcome);
      });
    };
    return channel;
  };
  return { openChannel, runs };
}
