import type { Batch, WorkSource } from '../core/batch.js';
import type { Clock } from '../core/clock.js';
import { DeadlineWheel } from '../core/deadline.js';
import { GatewayError, quote } from '../core/error.js';
import type { InferCall, Lease, LeasedInfer } from '../core/infer-call.js';
import type { Manifest } from '../core/manifest.js';
import { type ModelVersion, versionKey } from '../core/model.js';
import type { Recorder } from '../core/recorder.js';
import { checkRoom } from './admission.js';
import { Backlog } from './backlog.js';
import { type BatchHost, EntryBatch } from './batch.js';
import { judge, turnOf } from './batch-policy.js';
import type { BatchQueue } from './batch-queue.js';
import { Entry, type EntryHost } from './entry.js';
import { fitRequest } from './fit-request.js';
import { Lane } from './lane.js';

export interface BatcherOptions {
  readonly clock: Clock;
  /** Told of each batch that ran (`batch`) and of answers without a taker (`dropped`). */
  readonly recorder?: Recorder;
  /** Most rows that wait for one model version; requests beyond are refused. @default 65536 */
  readonly maxQueueRows?: number;
  /** Most bytes of input tensors held for all requests, waiting and running. @default 268435456 (256 MiB) */
  readonly maxQueueBytes?: number;
  /** Within how many milliseconds a request without a deadline counts as wanted: its place in the order. @default 1000 */
  readonly horizonMs?: number;
  /**
   * Called when a batch is handed to a worker; the function that it returns is called when the batch is over. A version cannot
   * be unloaded while a batch of it runs, even when all its callers have left and given their leases back. @default no hold
   */
  readonly retain?: (manifest: Manifest) => () => void;
  /** How many workers share the backlog: for the push-back of refusals only. @default one */
  readonly workers?: () => number;
}

/** What the batcher holds now; all zero when it is idle. */
export interface BatcherStats {
  /** Requests that wait or run. */
  readonly entries: number;
  /** Those of them that are in a batch: taken, or to be run again after a rejection. */
  readonly runningEntries: number;
  /** Rows that wait; a request without rows counts as one. */
  readonly queuedRows: number;
  /** Input bytes of all entries. */
  readonly bytes: number;
  /** Batches taken, or to be run again, that are not over. */
  readonly batches: number;
}

function anything(): boolean {
  return true;
}

function holdNothing(): () => void {
  return () => {};
}

/**
 * Turns requests into batches. `submit` queues a request and settles with its answer; the dispatcher takes a batch
 * whenever a worker is free (`take`), which is formed at that moment from whatever waits: no timer ever delays one.
 */
export class Batcher implements WorkSource {
  onWork: () => void = () => {};

  readonly #options: Required<Omit<BatcherOptions, 'recorder'>>;
  readonly #host: BatchHost & EntryHost;
  readonly #lanes = new Map<string, Lane>();
  readonly #backlog = new Backlog();
  /** Parts of rejected batches, first come first. */
  readonly #runAgain: EntryBatch[] = [];
  readonly #batches = new Set<EntryBatch>();
  readonly #onEmpty: (() => void)[] = [];
  /** What the worker that asks for work can run. */
  #runs: (key: string) => boolean = anything;
  #sequence = 0;
  #entries = 0;
  #runningEntries = 0;
  #queuedRows = 0;
  #bytes = 0;
  #held = false;
  #draining = false;

  constructor(options: BatcherOptions) {
    this.#options = {
      clock: options.clock,
      maxQueueRows: options.maxQueueRows ?? 65_536,
      maxQueueBytes: options.maxQueueBytes ?? 256 * 2 ** 20,
      horizonMs: options.horizonMs ?? 1000,
      retain: options.retain ?? holdNothing,
      workers: options.workers ?? (() => 1),
    };
    this.#host = {
      clock: options.clock,
      wheel: new DeadlineWheel(options.clock),
      recorder: options.recorder,
      retain: this.#options.retain,
      entrySettled: (entry, was) => this.#entrySettled(entry, was),
      runAgain: (lane, parts) => this.#queueParts(lane, parts),
      batchEnded: (batch) => this.#batchEnded(batch),
    };
  }

  /**
   * Queues a request for a worker. Settles exactly once: with its answer, or a GatewayError: DEADLINE_EXCEEDED or CANCELLED
   * as soon as either happens, UNAVAILABLE when refused (full or draining), or what its run failed with.
   */
  readonly submit: LeasedInfer = (call, lease) => {
    let entry: Entry;
    try {
      entry = this.#admit(call, lease);
    } catch (thrown) {
      return Promise.reject(GatewayError.from(thrown));
    }
    try {
      if (!this.#held) this.onWork();
    } catch (thrown) {
      // A bug in the dispatcher fails this call, rather than leave a promise that nobody awaits.
      entry.fail(GatewayError.from(thrown));
    }
    return entry.promise;
  };

  /** The next batch that may run, formed now; undefined when nothing waits, or while held. */
  take(runs: (key: string) => boolean = anything): Batch | undefined {
    if (this.#held) return undefined;
    this.#runs = runs;
    const part = this.#takePart();
    if (part !== undefined) return this.#taken(part);
    const now = this.#options.clock.now();
    const mayRun = this.#mayRun;
    for (let queue = this.#backlog.next(mayRun); queue !== undefined; queue = this.#backlog.next(mayRun)) {
      const members = this.#form(queue, now);
      if (members.length > 0) return this.#taken(this.#open(queue.lane, members));
    }
    return undefined;
  }

  // Made once, not for every batch.
  readonly #mayRun = (lane: Lane): boolean => lane.running < lane.maxRunning && this.#runs(lane.key);

  #taken(batch: EntryBatch): EntryBatch {
    batch.taken = true;
    batch.lane.running++;
    return batch;
  }

  /** A worker that is free already may have been turned away by the limit that was met until now. */
  #batchEnded(batch: EntryBatch): void {
    this.#batches.delete(batch);
    if (!batch.taken) return;
    const { lane } = batch;
    const wasFull = lane.running-- >= lane.maxRunning;
    if (wasFull && !this.#held) this.onWork();
  }

  /** Keeps everything waiting until `release`: for tests that want exact batches. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    if (this.#backlog.first !== undefined || this.#runAgain.length > 0) this.onWork();
  }

  stats(): BatcherStats {
    return {
      entries: this.#entries,
      runningEntries: this.#runningEntries,
      queuedRows: this.#queuedRows,
      bytes: this.#bytes,
      batches: this.#batches.size,
    };
  }

  /** Forgets what was learned of a version: to be called when it was unloaded. Entries that it still has are kept. */
  forget(version: ModelVersion): void {
    this.#lanes.delete(versionKey(version));
  }

  /** Refuses new requests; resolves when every entry has settled. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#entries === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** Refuses new requests and fails all that are left, with `error` or UNAVAILABLE. Batches that run end unheard. */
  close(error: GatewayError = draining('the server was stopped before the request had run')): void {
    this.#draining = true;
    for (const entry of this.#backlog.entries()) entry.fail(error);
    for (const part of this.#runAgain.splice(0)) part.fail(error);
    for (const batch of this.#batches) batch.abandon(error);
  }

  #admit(call: InferCall, lease: Lease): Entry {
    if (call.cancellation.cancelled) {
      throw new GatewayError('CANCELLED', 'cancelled by its caller before it was queued', {
        reason: 'cancelled',
      });
    }
    if (this.#draining) throw draining('the server is draining and takes no new requests');
    const now = this.#options.clock.now();
    if (call.deadline <= now) {
      const lateMs = (now - call.deadline).toFixed(1);
      throw new GatewayError(
        'DEADLINE_EXCEEDED',
        `deadline exceeded: it had passed ${lateMs} ms before the request for model ${quote(lease.manifest.model)} could be queued`,
        { reason: 'deadline_passed' },
      );
    }
    const lane = this.#laneOf(lease.manifest);
    const fit = fitRequest(call, lane);
    const { maxQueueRows, maxQueueBytes } = this.#options;
    const workers = this.#options.workers();
    checkRoom(fit, lane, { maxQueueRows, maxQueueBytes, heldBytes: this.#bytes, workers });
    const turn = turnOf(call.deadline, now, this.#options.horizonMs);
    const place = { turn, sequence: this.#sequence++, submittedAt: now };
    const entry = new Entry(this.#host, lane, call, fit, place);
    this.#entries++;
    this.#bytes += entry.bytes;
    this.#queuedRows += entry.cost;
    this.#backlog.add(entry);
    return entry;
  }

  #laneOf(manifest: Manifest): Lane {
    const key = versionKey(manifest);
    let lane = this.#lanes.get(key);
    if (lane === undefined || !lane.serves(manifest)) {
      lane = new Lane(manifest);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  /** Takes from the queue what the policy wants in one batch; none when all that was left had expired. */
  #form(queue: BatchQueue, now: number): Entry[] {
    const members: Entry[] = [];
    let cost = 0;
    for (let head = queue.head; head !== undefined; head = queue.head) {
      const verdict = judge(head, { entries: members.length, cost }, queue.lane.maxCost, now);
      if (verdict === 'close') break;
      if (verdict === 'expired') {
        head.expire(now);
        continue;
      }
      this.#backlog.remove(head);
      this.#queuedRows -= head.cost;
      head.start();
      this.#runningEntries++;
      members.push(head);
      cost += head.cost;
    }
    return members;
  }

  /** The first part of a rejected batch that may run and for which somebody still waits. */
  #takePart(): EntryBatch | undefined {
    for (let i = 0; i < this.#runAgain.length; ) {
      const part = this.#runAgain[i] as EntryBatch;
      const wanted = part.live.length > 0;
      if (wanted && !this.#mayRun(part.lane)) {
        i++;
        continue;
      }
      this.#runAgain.splice(i, 1);
      if (wanted) return part;
      this.#batches.delete(part);
    }
    return undefined;
  }

  #open(lane: Lane, members: readonly Entry[]): EntryBatch {
    const batch = new EntryBatch(this.#host, lane, members);
    this.#batches.add(batch);
    return batch;
  }

  #queueParts(lane: Lane, parts: readonly (readonly Entry[])[]): void {
    for (const part of parts) this.#runAgain.push(this.#open(lane, part));
    if (parts.length > 0 && !this.#held) this.onWork();
  }

  #entrySettled(entry: Entry, was: 'waiting' | 'running'): void {
    this.#entries--;
    this.#bytes -= entry.bytes;
    if (was === 'waiting') {
      this.#queuedRows -= entry.cost;
      this.#backlog.remove(entry);
    } else {
      this.#runningEntries--;
    }
    if (this.#entries === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

function draining(text: string): GatewayError {
  return new GatewayError('UNAVAILABLE', text, { reason: 'draining' });
}
