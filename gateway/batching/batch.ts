import type { Batch } from '../core/batch.js';
import { BatchTrace } from '../core/batch-trace.js';
import type { RunCommand, RunOutcome } from '../core/channel.js';
import type { Clock } from '../core/clock.js';
import type { CloseReason } from '../core/close-reason.js';
import type { Deadline } from '../core/deadline.js';
import { GatewayError } from '../core/error.js';
import type { Manifest } from '../core/manifest.js';
import type { Recorder, RetryReason } from '../core/recorder.js';
import { bisect } from './batch-policy.js';
import type { Entry } from './entry.js';
import { gatherInputs, gatherOutputs } from './gather.js';
import type { Lane } from './lane.js';
import { readersOf } from './readers.js';
import { type Portion, scatter } from './scatter.js';

/** What a batch needs of the batcher. */
export interface BatchHost {
  readonly clock: Clock;
  readonly recorder: Recorder | undefined;
  /** Keeps a version loaded until the function that it returns is called. */
  retain(manifest: Manifest): () => void;
  /** Queues the parts of a batch that was rejected or has ended workers (`attempts`), to be taken next. */
  runAgain(lane: Lane, parts: readonly (readonly Entry[])[], attempts: number): void;
  /** The batch is over: called once. */
  batchEnded(batch: EntryBatch): void;
}

/** How a batch came about. Instants are on the Clock's scale. */
export interface Formation {
  readonly why: CloseReason;
  /** When it was formed. */
  readonly at: number;
  /** When its worker was predicted to be free for it. */
  readonly startsAt: number;
  /** What its lane was charged for it. */
  readonly chargedMs: number;
}

/** Entries of one queue that run together. Over when it was completed, has failed, or found nobody left to run for. */
export class EntryBatch implements Batch {
  readonly key: string;
  readonly lane: Lane;
  attempts: number;
  readonly trace: BatchTrace | undefined;
  /** Whether it was handed out to run, and so counts among its lane's. */
  taken = false;
  readonly #host: BatchHost;
  #members: readonly Entry[];
  /** Whether `#members` are those of the last gather: their rows, in this order, are what a worker has. */
  #gathered = false;
  #over = false;
  #letGo: (() => void) | undefined;
  /** What the last gather took. */
  #inputMs = 0;
  readonly #formation: Formation;

  constructor(host: BatchHost, lane: Lane, members: readonly Entry[], formation: Formation, attempts = 0) {
    this.#formation = formation;
    this.attempts = attempts;
    this.#host = host;
    this.lane = lane;
    this.#members = members;
    this.key = lane.key;
    this.trace = traceOf(lane, members, formation);
  }

  /** Members that still wait for an answer. */
  get live(): readonly Entry[] {
    return this.#members.filter((entry) => !entry.settled);
  }

  get requests(): number {
    return this.#members.length;
  }

  get latestDeadline(): Deadline {
    let latest = Number.NEGATIVE_INFINITY;
    for (const entry of this.#members) {
      if (!entry.settled && entry.deadline > latest) latest = entry.deadline;
    }
    return latest;
  }

  gather(): RunCommand | undefined {
    if (this.#over) return undefined;
    const now = this.#host.clock.now();
    for (const entry of this.#members) entry.expire(now);
    this.#members = this.live;
    if (this.#members.length === 0) {
      this.#end();
      return undefined;
    }
    try {
      const { model, version } = this.lane.manifest;
      if (this.#gathered) this.#host.recorder?.retried(model, version, 'fault');
      const inputs = gatherInputs(this.#members);
      const outputs = gatherOutputs(this.#members, this.lane.outputNames);
      this.#inputMs = this.#host.clock.now() - now;
      // From here a worker may be running it even after every caller has left, and their leases with them.
      this.#letGo ??= this.#host.retain(this.lane.manifest);
      for (const entry of this.#members) entry.dispatchedAt = now;
      this.#gathered = true;
      const rows = rowsOf(this.#members);
      this.trace?.gathered(rows, this.#members.length);
      return { key: this.key, inputs, outputs, expectedMs: this.lane.latency.estimateMs(rows) };
    } catch (thrown) {
      // No memory for the copy, say: the dispatcher has nothing to run, but these must not hang.
      this.fail(GatewayError.from(thrown));
      return undefined;
    }
  }

  complete(outcome: Extract<RunOutcome, { kind: 'success' | 'rejected' }>): void {
    if (this.#over) {
      this.#host.recorder?.dropped('double_answer');
      return;
    }
    if (!this.#gathered) {
      this.fail(
        new GatewayError('INTERNAL', 'a batch was answered that had not been run', { reason: 'internal' }),
      );
      return;
    }
    try {
      this.#end();
      this.#handOut(outcome);
    } catch (thrown) {
      // A bug, in a port's implementation say. It is the dispatcher's to log, but nobody hangs of it.
      this.abandon(GatewayError.from(thrown));
      throw thrown;
    }
  }

  split(): void {
    if (this.#over) return;
    const parts = bisect(this.live);
    this.#halved('poison');
    this.#end();
    // Each is a suspect already: the next worker that it ends is enough to halve it again.
    this.#host.runAgain(this.lane, parts, this.attempts - 1);
  }

  fail(error: GatewayError): void {
    if (this.#over) {
      this.#host.recorder?.dropped('double_answer');
      return;
    }
    try {
      this.#end();
    } finally {
      this.abandon(error);
    }
  }

  /** Fails whoever still waits, while a run of it may go on: its answer will find nobody. */
  abandon(error: GatewayError): void {
    const now = this.#host.clock.now();
    for (const entry of this.#members) {
      entry.expire(now);
      entry.fail(error);
    }
  }

  #handOut(outcome: Extract<RunOutcome, { kind: 'success' | 'rejected' }>): void {
    const now = this.#host.clock.now();
    for (const entry of this.#members) entry.expire(now);
    if (outcome.kind === 'success') this.#succeed(outcome);
    else if (this.#members.length === 1) this.#members[0]?.fail(outcome.error);
    else {
      this.#halved('rejected');
      this.#host.runAgain(this.lane, bisect(this.live), this.attempts);
    }
  }

  #halved(why: RetryReason): void {
    const { model, version } = this.lane.manifest;
    this.#host.recorder?.retried(model, version, why);
  }

  #succeed(outcome: Extract<RunOutcome, { kind: 'success' }>): void {
    const { model, version } = this.lane.manifest;
    const rows = rowsOf(this.#members);
    const computeMs = Math.max(0, outcome.endedAt - outcome.startedAt);
    this.#learn(rows, computeMs, outcome);
    const { why } = this.#formation;
    this.lane.ran(why);
    const { recorder, clock } = this.#host;
    const scatteredAt = clock.now();
    const portions = scatter(outcome.outputs, this.#members, this.lane.outputNames, (kind) =>
      recorder?.badOutput(model, version, kind),
    );
    const outputMs = clock.now() - scatteredAt;
    const inputMs = this.#inputMs;
    const requests = this.#members.length;
    recorder?.batch({ model, version, rows, requests, inputMs, computeMs, outputMs, why });
    this.trace?.counted(inputMs, computeMs, outputMs);
    const readers = readersOf(outcome.outputs, this.#members.length);
    for (let i = 0; i < this.#members.length; i++) {
      const entry = this.#members[i] as Entry;
      const portion = portions[i] as Portion;
      const release = readers?.release();
      if (entry.settled) {
        recorder?.dropped('late_answer');
        release?.();
      } else if (portion instanceof GatewayError) {
        entry.fail(portion);
        release?.();
      } else {
        const queueMs = (entry.dispatchedAt ?? entry.submittedAt) - entry.submittedAt;
        const timing = { queueMs, rows: entry.rows, batchRows: rows, inputMs, computeMs, outputMs };
        entry.succeed(portion, timing, release);
      }
    }
  }

  #learn(
    rows: number,
    computeMs: number,
    { startedAt, endedAt }: { startedAt: number; endedAt: number },
  ): void {
    const { latency } = this.lane;
    const now = this.#host.clock.now();
    const { at, startsAt, chargedMs } = this.#formation;
    latency.observe(rows, computeMs, now);
    this.lane.usedMs += computeMs - chargedMs;
    if (this.attempts > 0 || this.#formation.why === 'again') return;
    // One that was sent ahead waited for its worker: that is not what a batch takes.
    const hereMs = Math.max(0, startedAt - Math.max(at, startsAt));
    latency.observeOverhead(now - endedAt + (startsAt > at ? 0 : hereMs));
  }

  #end(): void {
    this.#over = true;
    this.trace?.end(this.#host.clock.now());
    this.#host.batchEnded(this);
    this.#letGo?.();
    this.#letGo = undefined;
  }
}

function rowsOf(entries: readonly Entry[]): number {
  let rows = 0;
  for (const entry of entries) rows += entry.rows;
  return rows;
}

/** A batch is traced if any of its requests is. */
function traceOf(lane: Lane, members: readonly Entry[], { why, at }: Formation): BatchTrace | undefined {
  for (const { trace } of members)
    if (trace !== undefined) return new BatchTrace(lane.manifest, why, at, members);
  return undefined;
}
