import { isDeepStrictEqual } from 'node:util';
import type { CloseReason } from '../core/close-reason.js';
import type { GatewayError, Reason } from '../core/error.js';
import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import type { Scheduling } from '../core/scheduling.js';
import { AnswerOrder } from './answer-order.js';
import { kneeOf, MAX_BATCH_MS, rowsWithin } from './batch-target.js';
import { CallerShares } from './caller-shares.js';
import { LatencyModel } from './latency-model.js';
import { NO_SCHEDULING } from './queue-policy.js';

/** Every so many batches that could be larger, one is made twice as large as the knee: what was learned of it may have become wrong. */
const EXPLORE_EVERY = 64;

/** What the batcher knows of one model version. */
export class Lane {
  readonly key: string;
  readonly manifest: Manifest;
  /** Whether each request runs by itself: the signature is not batchable, or no batch size is allowed. */
  readonly alone: boolean;
  /** Room of a batch: rows, or the one request where they run alone. */
  readonly maxCost: number;
  /** Names of all outputs, in the signature's order. */
  readonly outputNames: readonly string[];
  readonly latency: LatencyModel;
  readonly scheduling: Scheduling;
  /** Most batches of it that run at the same time: what its configuration says, else no limit. */
  readonly maxRunning: number;
  readonly shares: CallerShares;
  /** Where answers must leave in the order of the requests. */
  readonly answerOrder: AnswerOrder | undefined;
  /** Waiting entries by priority level. */
  readonly waiting = new Map<number, number>();
  /** Batches that have run, by why they were closed, and requests that were refused or dropped, by why. */
  readonly closed = new Map<CloseReason, number>();
  readonly refused = new Map<Reason, number>();
  /** Sum of the costs of its waiting entries. */
  queuedCost = 0;
  /** Batches taken and not over. */
  running = 0;
  /** Milliseconds of workers that it has had, as predicted where they are not over: see Backlog. */
  usedMs = 0;
  #untilExploring = EXPLORE_EVERY;

  constructor(manifest: Manifest, shareOf: (caller: string) => number = () => 1) {
    const { batchable, maxBatchSize, outputs } = manifest.signature;
    const { instanceCount, instancesGiven = true } = manifest.configuration ?? {};
    this.maxRunning = (instancesGiven ? instanceCount : undefined) ?? Number.POSITIVE_INFINITY;
    this.key = versionKey(manifest);
    this.manifest = manifest;
    this.alone = !batchable || maxBatchSize < 1;
    this.maxCost = this.alone ? 1 : maxBatchSize;
    this.outputNames = outputs.map((output) => output.name);
    this.latency = new LatencyModel(manifest.latency);
    this.scheduling = manifest.configuration?.scheduling ?? NO_SCHEDULING;
    this.shares = new CallerShares(shareOf);
    this.answerOrder = this.scheduling.preserveOrdering ? new AnswerOrder() : undefined;
  }

  /** Whether this manifest says the same as the lane's; a version that was reloaded with other settings gets a new lane. */
  serves(manifest: Manifest): boolean {
    if (manifest === this.manifest) return true;
    const [mine, theirs] = [this.manifest, manifest];
    return (
      theirs.sha256 === mine.sha256 &&
      isDeepStrictEqual(theirs.signature, mine.signature) &&
      theirs.configuration?.instanceCount === mine.configuration?.instanceCount &&
      isDeepStrictEqual(theirs.configuration?.scheduling, mine.configuration?.scheduling)
    );
  }

  /** Rows from on which a larger batch brings next to nothing, as far as is known. */
  get knee(): number {
    return this.latency.knowsSizes ? kneeOf(this.latency.line, this.maxCost) : this.maxCost;
  }

  /** Rows that a batch should have. @param shared whether other models want workers, too: no batch lasts long then */
  target(shared: boolean): number {
    const { knee } = this;
    return shared && this.latency.known ? Math.min(knee, rowsWithin(this.latency.line, this.maxCost)) : knee;
  }

  /** To be asked for a batch that is to have `target` rows while more wait: how many it shall have. */
  explored(target: number): number {
    if (--this.#untilExploring > 0) return target;
    this.#untilExploring = EXPLORE_EVERY;
    return Math.min(this.maxCost, 2 * target);
  }

  /** Whether even its smallest batches hold up a worker for long. */
  get slow(): boolean {
    return this.latency.known && this.latency.estimateMs(1) > MAX_BATCH_MS;
  }

  /** Counts a refusal, for the report; gives it back to be thrown. */
  refuse(error: GatewayError): GatewayError {
    const { reason = 'internal' } = error.details;
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
    return error;
  }

  /** Counts a batch that has run. */
  ran(why: CloseReason): void {
    this.closed.set(why, (this.closed.get(why) ?? 0) + 1);
  }

  /** Counts an entry of this level that waits, or waits no longer. */
  count(level: number, by: 1 | -1): void {
    this.waiting.set(level, (this.waiting.get(level) ?? 0) + by);
  }
}
