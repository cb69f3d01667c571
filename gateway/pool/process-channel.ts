import { encodeFrame, FrameError, FrameReader } from '../../worker/frames.js';
import type { FromWorker, ToWorker } from '../../worker/protocol.js';
import type {
  Channel,
  Occupation,
  OpenChannel,
  RunCommand,
  RunOutcome,
  WorkerExit,
} from '../core/channel.js';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import { freeBuffer } from '../core/free-buffer.js';
import type { Logger } from '../core/logger.js';
import type { Manifest } from '../core/manifest.js';
import type { Recorder } from '../core/recorder.js';
import { loadSpec } from './load-spec.js';
import { PendingCalls } from './pending-calls.js';
import { watchRss } from './rss-watch.js';
import { endOf, spawnWorker, type WorkerProcess } from './worker-process.js';

export interface ProcessChannelOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Pick<Recorder, 'dropped'>;
  /** Threads of one run, within the runtime. */
  readonly intraOpThreads: number;
  /** How long a process may take until it answers. @default 30_000 */
  readonly startTimeoutMs?: number;
  /** How long a process that is told to close may take, before it is killed. @default 5_000 */
  readonly closeTimeoutMs?: number;
  /** Limit of its JavaScript heap, in MiB; weights and tensors are outside of it. @default Node's own */
  readonly maxHeapMb?: number;
  /** Resident memory beyond which it is killed, in bytes. @default none */
  readonly maxRssBytes?: number;
  /** The worker's module. @default worker/process.js of this build */
  readonly workerUrl?: URL;
}

type Question = Exclude<ToWorker, { kind: 'close' }>;

const DEFAULT_WORKER = new URL('../../worker/process.js', import.meta.url);
/** How long a process may live without its line, and its line without it. */
const LINGER_MS = 500;

/** Opens workers that are child processes. What happens in one, crashes of native code included, ends no more than that one. */
export function processChannels(options: ProcessChannelOptions): OpenChannel {
  return async () => {
    const channel = new ProcessChannel(options);
    await channel.ready;
    return channel;
  };
}

/**
 * One worker process. Work travels in frames over a pair of sockets; the process says with a frame what it begins, so that it is
 * known what it was in when it died. It can be killed at any time. All that was said before its end is read before that counts.
 */
class ProcessChannel implements Channel {
  readonly exited: Promise<WorkerExit>;
  /** Resolves when the worker answers; rejects with UNAVAILABLE when it does not in time or dies first. */
  readonly ready: Promise<void>;
  readonly #options: ProcessChannelOptions;
  readonly #process: WorkerProcess;
  readonly #calls: PendingCalls;
  readonly #reader: FrameReader;
  readonly #timers: TimerHandle[] = [];
  #occupation: Occupation | undefined;
  #settleReady: { resolve: () => void; reject: (error: GatewayError) => void } | undefined;
  #settleExited: (exit: WorkerExit) => void = () => {};
  #closing = false;
  /** Why it was given up. */
  #givenUp: string | undefined;
  #gone = false;

  constructor(options: ProcessChannelOptions) {
    this.#options = options;
    this.#calls = new PendingCalls(options.recorder);
    this.#reader = new FrameReader((message) => this.#onMessage(message as FromWorker));
    this.exited = new Promise((resolve) => {
      this.#settleExited = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    this.#process = this.#spawn();
    this.#listen();
    const { startTimeoutMs = 30_000, maxRssBytes, clock } = options;
    const timer = clock.setTimer(
      () => this.abandon(`it did not answer within ${startTimeoutMs} ms`),
      startTimeoutMs,
    );
    // Whoever waits for `ready` hears of a rejection; this only stops the timer.
    this.ready.then(timer.cancel, timer.cancel);
    const { pid } = this.#process.child;
    if (maxRssBytes !== undefined && pid !== undefined)
      this.#timers.push(
        watchRss(pid, { clock, maxBytes: maxRssBytes, onExcess: (reason) => this.abandon(reason) }),
      );
  }

  #spawn(): WorkerProcess {
    try {
      return spawnWorker(this.#options.workerUrl ?? DEFAULT_WORKER, this.#options.maxHeapMb);
    } catch (cause) {
      throw new GatewayError('UNAVAILABLE', 'a worker process could not be started', {
        reason: 'worker_fault',
        cause,
      });
    }
  }

  #listen(): void {
    const { child, line } = this.#process;
    line.on('data', (chunk: Buffer) => {
      try {
        this.#reader.push(chunk);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        // Where its next frame would begin is not known.
        line.removeAllListeners('data').resume();
        this.abandon(`what it says cannot be read: ${error.message}`);
      }
      freeBuffer(chunk);
    });
    // EPIPE, ECONNRESET: the end of the process, which follows, says more.
    line.on('error', () => {});
    line.on('end', () => this.#after(LINGER_MS, () => child.kill('SIGKILL')));
    // 'close' comes after the last of the line and of stderr has been read, unlike 'exit'.
    child.on('exit', () => this.#after(LINGER_MS, () => line.destroy()));
    child.on('close', (code, signal) => this.#onDeath(endOf(code, signal, this.#process.lastWords())));
  }

  get pid(): number | undefined {
    return this.#process.child.pid;
  }

  get occupation(): Occupation | undefined {
    return this.#occupation;
  }

  /** Loads and warms a version. Rejects with FAILED_PRECONDITION (the model's doing) or UNAVAILABLE (the worker died). */
  load(manifest: Manifest): Promise<void> {
    const spec = loadSpec(manifest, this.#options.intraOpThreads);
    return this.#request((id) => ({ kind: 'load', id, spec }));
  }

  unload(key: string): Promise<void> {
    return this.#request((id) => ({ kind: 'unload', id, key }));
  }

  run(command: RunCommand, done: (outcome: RunOutcome) => void): void {
    if (this.#gone || this.#closing) {
      queueMicrotask(() => done({ kind: 'fault', started: false, reason: 'the worker is gone' }));
      return;
    }
    const { key, outputs } = command;
    // A tensor's data owns its ArrayBuffer (see RunCommand), so the cast is only about the type's second face.
    const inputs = command.inputs.map((input) => ({ ...input, data: input.data as Uint8Array<ArrayBuffer> }));
    const id = this.#calls.addRun(done, outputs);
    this.#ask({ kind: 'run', id, key, inputs, outputs });
  }

  abandon(reason: string): void {
    if (this.#gone || this.#givenUp !== undefined) return;
    this.#givenUp = reason;
    this.#closing = true;
    this.#failAll(reason);
    this.#process.child.kill('SIGKILL');
  }

  /** Tells the worker to end after what it was given. One that does not in time is killed. */
  async close(): Promise<void> {
    if (!this.#closing && !this.#gone) {
      this.#closing = true;
      this.#send({ kind: 'close' });
      this.#after(this.#options.closeTimeoutMs ?? 5_000, () => this.#process.child.kill('SIGKILL'));
    }
    await this.exited;
  }

  #request(make: (id: number) => Question): Promise<void> {
    if (this.#gone) return Promise.reject(lost('the worker is gone', 'no_worker'));
    if (this.#closing) return Promise.reject(lost('the worker is about to end'));
    return new Promise((resolve, reject) => this.#ask(make(this.#calls.addRequest(resolve, reject))));
  }

  #ask(message: Question): void {
    try {
      this.#send(message);
    } catch (error) {
      const why = error instanceof FrameError ? error.message : 'unknown reason';
      const text = `it could not be handed to a worker: ${why}`;
      queueMicrotask(() =>
        this.#calls.answer({ kind: 'rejected', id: message.id, code: 'INTERNAL', message: text }),
      );
    }
  }

  /** Throws a FrameError for what is too large; never for a line that is dead, whose end is heard of elsewhere. */
  #send(message: ToWorker): void {
    const pieces = encodeFrame(message);
    const { line } = this.#process;
    // What a transfer does for a thread: nobody reads them any more.
    const written = (): void => {
      if (message.kind === 'run') for (const { data } of message.inputs) freeBuffer(data);
    };
    line.cork();
    for (const [i, piece] of pieces.entries())
      line.write(piece, i === pieces.length - 1 ? written : undefined);
    line.uncork();
  }

  #onMessage(message: FromWorker): void {
    if (message.kind === 'ready') {
      this.#settleReady?.resolve();
      this.#settleReady = undefined;
    } else if (message.kind === 'started') {
      const { id, startedAt } = message;
      if (this.#calls.has(id) && Number.isFinite(startedAt)) this.#occupation = { id, startedAt };
    } else {
      if (message.id === this.#occupation?.id) this.#occupation = undefined;
      if (!this.#calls.answer(message)) this.abandon('its answer is corrupt');
    }
  }

  /** Called once its end is certain and all that it said has been read. */
  #onDeath(how: string): void {
    if (this.#gone) return;
    const expected = this.#closing && this.#givenUp === undefined;
    const reason = this.#givenUp ?? how;
    if (!expected) {
      const { pid } = this;
      this.#options.logger.warn({ pid, how, stderr: this.#process.lastWords() }, 'a worker process ended');
    }
    this.#failAll(reason);
    this.#gone = true;
    for (const timer of this.#timers) timer.cancel();
    this.#settleExited({ expected, reason });
  }

  #failAll(reason: string): void {
    this.#settleReady?.reject(lost(`the worker ended while it started: ${reason}`));
    this.#settleReady = undefined;
    const running = this.#occupation?.id;
    this.#occupation = undefined;
    this.#calls.failAll(reason, running);
  }

  #after(delayMs: number, fn: () => void): void {
    if (!this.#gone) this.#timers.push(this.#options.clock.setTimer(fn, delayMs));
  }
}

function lost(message: string, reason: 'worker_fault' | 'no_worker' = 'worker_fault'): GatewayError {
  return new GatewayError('UNAVAILABLE', message, { reason });
}
