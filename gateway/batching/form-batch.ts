import type { CloseReason } from '../core/close-reason.js';
import type { BatchQueue } from './batch-queue.js';
import type { SchedulerSwitches } from './batcher-options.js';
import { chooseBatch, type Forecast } from './choose-batch.js';
import type { Entry } from './entry.js';
import { type Ripeness, ripeness } from './queue-policy.js';

/** A model of which nothing was observed for this long may have become faster: what seems hopeless is tried then. */
export const STALE_MS = 2000;

/** What a batch is formed by. Instants are on the Clock's scale. */
export interface FormCircumstances {
  readonly now: number;
  /** When the worker's present run is predicted to end; now, if it is idle. */
  readonly startsAt: number;
  /** Workers that this model can count on; may be a fraction. */
  readonly workers: number;
  /** Whether other models want workers, too. */
  readonly shared: boolean;
  readonly switches: SchedulerSwitches;
  /** Takes an entry that could no longer be in time out of the queue, and fails it. */
  readonly drop: (entry: Entry) => void;
}

export interface Formed {
  readonly members: readonly Entry[];
  readonly why: CloseReason;
}

const NO_MATTER: Forecast = { estimateMs: () => 0, guardMs: () => 0 };
/** Used again for each batch: nothing of it outlives a call. */
const candidates: Entry[] = [];

/** Whether a queue wants to be run now: what its model's `preferred_batch_size` and delay say. */
export function ripenessOf(queue: BatchQueue, now: number): Ripeness {
  const { lane } = queue;
  const { scheduling, maxCost } = lane;
  if (scheduling.maxQueueDelayMs === 0 && scheduling.preferredBatchSizes.length === 0)
    return { ripe: true, rows: 0, why: undefined };
  const reachable = (rows: number): boolean => {
    queue.peek(rows, candidates);
    return sum(candidates) === rows;
  };
  const { cost } = queue;
  const full = cost >= maxCost;
  const oldestAt = full ? now : queue.oldestAt();
  const found = ripeness(scheduling, { cost, maxCost, oldestAt, now }, reachable);
  if (found.ripe) return found;
  // No delay is worth a deadline.
  queue.peek(maxCost, candidates);
  let tightest = Number.POSITIVE_INFINITY;
  for (const { deadline } of candidates) tightest = Math.min(tightest, deadline);
  const latest = tightest - 2 * lane.latency.guardMs(Math.min(cost, maxCost));
  if (latest <= now) return { ripe: true, rows: maxCost, why: 'delay' };
  return { ripe: false, until: Math.min(found.until, latest) };
}

/**
 * Decides which entries of a queue run next, failing those that have expired or are hopeless on the way. They stay in the
 * queue until the caller takes them out. Undefined when none is left, or when those that were failed made the batch what its
 * model's configuration asks for: then the caller is to ask again whether the queue is ripe.
 */
export function formBatch(queue: BatchQueue, at: FormCircumstances): Formed | undefined {
  const { lane } = queue;
  const { now, startsAt, switches } = at;
  const ripe = ripenessOf(queue, now);
  const asked = ripe.ripe ? ripe.rows : 0;
  let target = asked > 0 ? asked : switches.batchChoice ? lane.target(at.shared) : lane.maxCost;
  if (asked === 0 && switches.batchChoice && !at.shared && target < lane.maxCost && queue.cost > target)
    target = lane.explored(target);
  const forecast = switches.batchChoice && lane.latency.known ? lane.latency : NO_MATTER;
  const batchMs = forecast.estimateMs(target);
  const asIsOnly = ripe.ripe && ripe.why !== undefined;
  for (let go = true; go && queue.size > 0; go = !asIsOnly) {
    queue.peek(target, candidates);
    if (sweep(queue, at)) continue;
    const choice = chooseBatch(candidates, {
      forecast,
      startsAt,
      target,
      maxCost: lane.maxCost,
      more: queue.size > candidates.length,
      earlyDrop: switches.earlyDrop,
      othersInTime: (rows, tight) => {
        const runMs = forecast.estimateMs(rows);
        const { level } = candidates[tight] as Entry;
        return queue.allEndInTime(level, rows, (cost) => {
          const before = Math.ceil(cost / target) - 1;
          return (
            startsAt + (runMs + before * batchMs) / at.workers + forecast.estimateMs(Math.min(cost, target))
          );
        });
      },
    });
    if (choice.kind === 'drop') {
      at.drop(candidates[choice.index] as Entry);
      continue;
    }
    const why = ripe.ripe && ripe.why !== undefined && choice.why !== 'deadline' ? ripe.why : choice.why;
    return { members: membersOf(choice.first, choice.count), why };
  }
  return undefined;
}

function membersOf(first: number, count: number): Entry[] {
  if (first < count) return candidates.slice(0, count);
  return [candidates[first] as Entry, ...candidates.slice(0, count - 1)];
}

/** Fails the candidates that have expired, or cannot end in time even alone; whether there were any. */
function sweep(queue: BatchQueue, { now, startsAt, switches, drop }: FormCircumstances): boolean {
  const { latency } = queue.lane;
  const judged = switches.earlyDrop && latency.known;
  // With nothing else to do, nothing is lost by trying; and something may be learned.
  const tried = queue.size === 1 && now - latency.observedAt > STALE_MS;
  let any = false;
  for (const entry of candidates) {
    if (entry.deadline <= now) entry.expire(now);
    else if (judged && !tried && entry.deadline < startsAt + latency.estimateMs(entry.cost)) drop(entry);
    else continue;
    any = true;
  }
  return any;
}

function sum(entries: readonly Entry[]): number {
  let cost = 0;
  for (const entry of entries) cost += entry.cost;
  return cost;
}
