import type {
  Channel,
  Occupation,
  OpenChannel,
  RunCommand,
  RunOutcome,
  WorkerExit,
} from '../../gateway/core/channel.js';
import { GatewayError } from '../../gateway/core/error.js';
import type { Manifest } from '../../gateway/core/manifest.js';
import { versionKey } from '../../gateway/core/model.js';

/** A run that a fake worker was sent, for the test to answer. */
export interface FakeRun {
  readonly command: RunCommand;
  readonly done: (outcome: RunOutcome) => void;
  answered: boolean;
}

/** A scripted worker: it does nothing until the test says so, except that loads succeed unless told otherwise. */
export class FakeChannel implements Channel {
  readonly slotIndex: number;
  readonly loaded: string[] = [];
  readonly runs: FakeRun[] = [];
  readonly exited: Promise<WorkerExit>;
  closed = false;
  dead = false;
  /** Why it was given up. */
  abandoned: string | undefined;
  occupation: Occupation | undefined;
  #exit: (exit: WorkerExit) => void = () => {};
  readonly #onLoad: (channel: FakeChannel, manifest: Manifest) => Promise<void>;

  constructor(slotIndex: number, onLoad: (channel: FakeChannel, manifest: Manifest) => Promise<void>) {
    this.slotIndex = slotIndex;
    this.#onLoad = onLoad;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
  }

  async load(manifest: Manifest): Promise<void> {
    await this.#onLoad(this, manifest);
    if (this.dead) throw workerLost();
    this.loaded.push(versionKey(manifest));
  }

  async unload(key: string): Promise<void> {
    this.loaded.splice(this.loaded.indexOf(key), 1);
  }

  run(command: RunCommand, done: (outcome: RunOutcome) => void): void {
    const run: FakeRun = { command, done, answered: false };
    this.runs.push(run);
    if (this.dead) queueMicrotask(() => this.#settle(run, fault(false)));
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.runs.every((run) => run.answered)) this.#exit({ expected: true, reason: 'closed' });
    await this.exited;
  }

  /** As a wedged thread: its runs are faults, it lives on. */
  abandon(reason: string): void {
    this.abandoned = reason;
    let started = true;
    for (const run of this.runs) {
      if (run.answered) continue;
      this.#settle(run, fault(started, reason));
      started = false;
    }
  }

  /** Answers the oldest run that is open with its own inputs as outputs. */
  respond(): void {
    this.answer({ kind: 'success', outputs: this.open().command.inputs, startedAt: 0, endedAt: 1 });
  }

  answer(outcome: RunOutcome): void {
    this.#settle(this.open(), outcome);
    if (this.closed) void this.close();
  }

  /** The oldest run without an answer. */
  open(): FakeRun {
    const run = this.runs.find((candidate) => !candidate.answered);
    if (run === undefined) throw new Error(`worker of slot ${this.slotIndex} has no open run`);
    return run;
  }

  /** Dies: open runs are faults, `started` only for the oldest. */
  die(reason = 'killed'): void {
    this.dead = true;
    let started = true;
    for (const run of this.runs) {
      if (run.answered) continue;
      this.#settle(run, fault(started, reason));
      started = false;
    }
    this.#exit({ expected: false, reason });
  }

  #settle(run: FakeRun, outcome: RunOutcome): void {
    run.answered = true;
    run.done(outcome);
  }
}

/** Opens fake workers and keeps them for the test to script. */
export class FakeWorkers {
  readonly opened: FakeChannel[] = [];
  /** What opening does for a slot; throw to fail. */
  onOpen: (slotIndex: number) => Promise<void> = async () => {};
  /** What a load does; throw to refuse. */
  onLoad: (channel: FakeChannel, manifest: Manifest) => Promise<void> = async () => {};

  readonly open: OpenChannel = async (slotIndex) => {
    await this.onOpen(slotIndex);
    const channel = new FakeChannel(slotIndex, (self, manifest) => this.onLoad(self, manifest));
    this.opened.push(channel);
    return channel;
  };

  /** The newest worker of a slot. */
  of(slotIndex: number): FakeChannel {
    const channel = this.opened.findLast((candidate) => candidate.slotIndex === slotIndex);
    if (channel === undefined) throw new Error(`slot ${slotIndex} never had a worker`);
    return channel;
  }
}

/** Lets everything that is due without time passing happen. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

function fault(started: boolean, reason = 'killed'): RunOutcome {
  return { kind: 'fault', started, reason };
}

export function workerLost(): GatewayError {
  return new GatewayError('UNAVAILABLE', 'the worker is gone', { reason: 'worker_fault' });
}
