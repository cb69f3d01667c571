import type { Batch, WorkSource } from '../core/batch.js';
import { DeadlineWheel } from '../core/deadline.js';
import { GatewayError, quote } from '../core/error.js';
import type { InferCall, Lease, LeasedInfer } from '../core/infer-call.js';
import type { Manifest } from '../core/manifest.js';
import { type ModelVersion, versionKey } from '../core/model.js';
import type { SchedulerReport } from '../core/scheduler-report.js';
import { checkInTime, checkQueueSize, checkRoom, droppedEarly } from './admission.js';
import { Backlog } from './backlog.js';
import { type BatchHost, EntryBatch, type Formation } from './batch.js';
import { turnOf } from './batch-policy.js';
import type { BatchQueue } from './batch-queue.js';
import { type BatcherOptions, type BatcherStats, type FullOptions, withDefaults } from './batcher-options.js';
import { Entry, type EntryHost, type EntryPlace } from './entry.js';
import { type Fit, fitRequest } from './fit-request.js';
import { type Formed, formBatch, ripenessOf, STALE_MS } from './form-batch.js';
import { Lane } from './lane.js';
import { LaneActivity } from './lane-activity.js';
import { levelOf, policyOf, timeLimits } from './queue-policy.js';
import { reportOf } from './report.js';
import { WakeTimer } from './wake-timer.js';

function anything(): boolean {
  return true;
}

/** Shapes of one model that are asked how much waits before a request: a client may make up thousands. */
const MAX_QUEUES_ASKED = 16;
/** Added to the turn of entries that run last. */
const DELAYED = 1e12;

/**
 * Turns requests into batches. `submit` queues a request and settles with its answer; the dispatcher takes a batch
 * whenever a worker is free (`take`), which is formed at that moment from whatever waits: no timer ever delays one.
 */
export class Batcher implements WorkSource {
  onWork: () => void = () => {};

  readonly #options: FullOptions;
  readonly #host: BatchHost & EntryHost;
  readonly #lanes = new Map<string, Lane>();
  readonly #backlog = new Backlog();
  /** Parts of batches that were rejected or have ended workers, first come first. */
  readonly #runAgain: EntryBatch[] = [];
  readonly #batches = new Set<EntryBatch>();
  readonly #onEmpty: (() => void)[] = [];
  readonly #activity = new LaneActivity();
  /** Asks the dispatcher to look again when something that was held back may run. */
  readonly #wake: WakeTimer;
  /** What the worker that asks for work can run, and when it asks. */
  #runs: (key: string) => boolean = anything;
  #now = 0;
  #sequence = 0;
  #entries = 0;
  #runningEntries = 0;
  #queuedRows = 0;
  #bytes = 0;
  #held = false;
  #draining = false;
  #closedBy: GatewayError | undefined;

  constructor(options: BatcherOptions) {
    this.#options = withDefaults(options);
    this.#wake = new WakeTimer(options.clock, () => {
      if (!this.#held) this.onWork();
    });
    this.#host = {
      clock: options.clock,
      wheel: new DeadlineWheel(options.clock),
      recorder: options.recorder,
      retain: this.#options.retain,
      entrySettled: (entry, was) => this.#entrySettled(entry, was),
      runAgain: (...parts) => this.#queueParts(...parts),
      batchEnded: (batch) => this.#batchEnded(batch),
      queueTimedOut: (entry) => this.#queueTimedOut(entry),
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
  take(runs: (key: string) => boolean = anything, startsInMs = 0): Batch | undefined {
    if (this.#held) return undefined;
    this.#runs = runs;
    const part = this.#takePart();
    if (part !== undefined) return this.#taken(part);
    this.#now = this.#options.clock.now();
    for (let queue = this.#next(); queue !== undefined; queue = this.#next()) {
      const batch = this.#form(queue, startsInMs);
      if (batch !== undefined) return this.#taken(batch);
    }
    return undefined;
  }

  #next(): BatchQueue | undefined {
    return this.#backlog.next(this.#mayRun, this.#ripe, this.#options.workers());
  }

  // Made once, not for every batch.
  readonly #mayRun = (lane: Lane): boolean => {
    if (lane.running >= lane.maxRunning || !this.#runs(lane.key)) return false;
    const workers = this.#options.workers();
    // The last worker is kept for others that were there lately: they would have to wait for longer than any batch may last.
    if (workers < 2 || lane.running < workers - 1 || !lane.slow) return true;
    const until = this.#activity.othersUntil(lane);
    if (until <= this.#now) return true;
    this.#wake.at(until);
    return false;
  };

  readonly #ripe = (queue: BatchQueue): boolean => {
    const ripe = ripenessOf(queue, this.#now);
    if (!ripe.ripe) this.#wake.at(ripe.until);
    return ripe.ripe;
  };

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
    if (!this.#backlog.empty || this.#runAgain.length > 0) this.onWork();
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

  /** What was learned and done, by model version: for people. */
  report(): SchedulerReport {
    return { lanes: [...this.#lanes.values()].map(reportOf) };
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
    this.#closedBy = error;
    for (const entry of this.#backlog.entries()) entry.fail(error);
    for (const part of this.#runAgain.splice(0)) part.fail(error);
    for (const batch of this.#batches) batch.abandon(error);
    this.#wake.stop();
  }

  #admit(call: InferCall, lease: Lease): Entry {
    if (call.cancellation.cancelled) {
      throw new GatewayError('CANCELLED', 'cancelled by its caller before it was queued', {
        reason: 'cancelled',
      });
    }
    if (this.#draining) throw this.#closedBy ?? draining('the server is draining and takes no new requests');
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
    const place = this.#placeOf(call, lane, now);
    try {
      this.#checkRoom(fit, lane, place);
      if (this.#options.scheduler.admission) this.#checkInTime(call, fit, lane, place);
    } catch (thrown) {
      throw lane.refuse(GatewayError.from(thrown));
    }
    const entry = new Entry(this.#host, lane, call, fit, place);
    this.#entries++;
    this.#bytes += entry.bytes;
    this.#queuedRows += entry.cost;
    this.#activity.seen(lane, now);
    this.#backlog.add(entry);
    return entry;
  }

  #placeOf(call: InferCall, lane: Lane, now: number): EntryPlace {
    const { scheduler, horizonMs } = this.#options;
    const { scheduling } = lane;
    const { parameters } = call;
    const level = levelOf(scheduling, parameters.get('priority'));
    const limits = timeLimits(call, policyOf(scheduling, level), parameters.get('timeout'));
    const inArrival = scheduler.order === 'arrival' || scheduling.preserveOrdering;
    const turn = inArrival ? now : turnOf(limits.deadline, now, horizonMs);
    const { deadline, queueUntil } = limits;
    return { turn, sequence: this.#sequence++, submittedAt: now, level, deadline, queueUntil };
  }

  #checkRoom(fit: Fit, lane: Lane, { level }: EntryPlace): void {
    const { maxQueueRows, maxQueueBytes } = this.#options;
    const workers = this.#options.workers();
    checkRoom(fit, lane, { maxQueueRows, maxQueueBytes, heldBytes: this.#bytes, workers });
    const { maxQueueSize } = policyOf(lane.scheduling, level);
    if (maxQueueSize !== undefined) checkQueueSize(lane, level, maxQueueSize, workers);
  }

  #checkInTime(call: InferCall, fit: Fit, lane: Lane, place: EntryPlace): void {
    const { latency } = lane;
    const { submittedAt: now, deadline } = place;
    // What was learned long ago may be wrong: a request that is let in tells.
    if (!latency.known || deadline === Number.POSITIVE_INFINITY || now - latency.observedAt > STALE_MS)
      return;
    let rowsAhead = 0;
    let looked = 0;
    for (const queue of this.#backlog.queuesOf(lane)?.values() ?? []) {
      if (++looked > MAX_QUEUES_ASKED) break;
      rowsAhead += queue.costBefore(place.level, call.caller ?? '', place.turn);
    }
    const batchRows = this.#options.scheduler.batchChoice
      ? lane.target(this.#activity.shared(now))
      : lane.maxCost;
    checkInTime(lane, {
      now,
      deadline,
      freeAt: now + this.#options.freeInMs(now),
      ownMs: latency.estimateMs(fit.cost),
      rowsAhead,
      batchRows,
      batchMs: latency.estimateMs(batchRows),
      batchGuardMs: latency.guardMs(batchRows),
      workers: this.#workersFor(lane),
    });
  }

  /** Workers that a model can count on: those that others leave it. */
  #workersFor(lane: Lane): number {
    const workers = Math.max(1, this.#options.workers());
    return Math.min(lane.maxRunning, workers / Math.max(1, this.#backlog.lanes));
  }

  #laneOf(manifest: Manifest): Lane {
    const key = versionKey(manifest);
    let lane = this.#lanes.get(key);
    if (lane === undefined || !lane.serves(manifest)) {
      lane = new Lane(manifest, this.#options.shareOf);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  /** The next batch of a queue; none when all that was left had expired or was hopeless. */
  #form(queue: BatchQueue, startsInMs: number): EntryBatch | undefined {
    const { lane } = queue;
    const now = this.#now;
    const startsAt = now + startsInMs;
    const formed = formBatch(queue, {
      now,
      startsAt,
      workers: this.#workersFor(lane),
      shared: this.#activity.shared(now),
      switches: this.#options.scheduler,
      drop: this.#drop,
    });
    return formed && this.#start(lane, formed, now, startsAt);
  }

  #start(lane: Lane, { members, why }: Formed, at: number, startsAt: number): EntryBatch {
    let rows = 0;
    for (const entry of members) {
      this.#backlog.remove(entry);
      this.#queuedRows -= entry.cost;
      entry.start();
      this.#runningEntries++;
      lane.shares.charge(entry.caller, entry.cost);
      rows += entry.cost;
    }
    const chargedMs = lane.latency.estimateMs(rows);
    this.#backlog.charge(lane, chargedMs);
    return this.#open(lane, members, { why, at, startsAt, chargedMs });
  }

  readonly #drop = (entry: Entry): void => {
    const { submittedAt, deadline, lane } = entry;
    const error = droppedEarly(lane, this.#now - submittedAt, deadline - this.#now, this.#options.workers());
    entry.fail(lane.refuse(error));
  };

  /** An entry has waited for as long as its queue's policy lets it: it is refused, or runs when its level has nothing else. */
  #queueTimedOut(entry: Entry): void {
    if (entry.state !== 'waiting') return;
    if (policyOf(entry.lane.scheduling, entry.level).timeoutAction === 'reject') {
      entry.timedOut(this.#options.clock.now());
      return;
    }
    this.#backlog.remove(entry);
    entry.turn = DELAYED + entry.submittedAt;
    this.#backlog.add(entry);
    this.#lookAgain(entry.lane);
  }

  /** One that has left its place may have stood between others and a preferred size. Not at once: this may be told amid `take`. */
  #lookAgain({ scheduling }: Lane): void {
    if (scheduling.maxQueueDelayMs > 0 && scheduling.preferredBatchSizes.length > 0)
      this.#wake.at(this.#options.clock.now());
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

  #open(lane: Lane, members: readonly Entry[], formation: Formation, attempts = 0): EntryBatch {
    const batch = new EntryBatch(this.#host, lane, members, formation, attempts);
    this.#batches.add(batch);
    return batch;
  }

  #queueParts(lane: Lane, parts: readonly (readonly Entry[])[], attempts: number): void {
    const at = this.#options.clock.now();
    const formation: Formation = { why: 'again', at, startsAt: at, chargedMs: 0 };
    for (const part of parts) this.#runAgain.push(this.#open(lane, part, formation, attempts));
    if (parts.length > 0 && !this.#held) this.onWork();
  }

  #entrySettled(entry: Entry, was: 'waiting' | 'running'): void {
    this.#entries--;
    this.#bytes -= entry.bytes;
    if (was === 'waiting') {
      this.#queuedRows -= entry.cost;
      this.#backlog.remove(entry);
      this.#lookAgain(entry.lane);
    } else {
      this.#runningEntries--;
    }
    if (this.#entries === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

function draining(text: string): GatewayError {
  return new GatewayError('UNAVAILABLE', text, { reason: 'draining' });
}
