import { type BatchQueue, BatchQueue as Queue, queueBefore } from './batch-queue.js';
import type { Entry } from './entry.js';
import { IndexedHeap } from './indexed-heap.js';
import type { Lane } from './lane.js';

/** By how much one model may be ahead of another in what it has had of the workers, before the other goes first. */
const SHARE_PATIENCE_MS = 50;

/** What waits for one model version: a queue per per-row shape, and the queues in order of precedence. */
interface Waiting {
  readonly queues: Map<string, BatchQueue>;
  readonly order: IndexedHeap<BatchQueue>;
}

/**
 * Everything that waits, by model version. A queue exists only while it holds something, since its shape is the client's choice and
 * would else be a leak. Models share the workers by time: see `next`.
 */
export class Backlog {
  readonly #lanes = new Map<Lane, Waiting>();
  /** What a model that was idle is taken to have had. */
  #virtualMs = 0;

  get empty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Model versions with something waiting. */
  get lanes(): number {
    return this.#lanes.size;
  }

  /**
   * The queue that comes next among those of the versions that may run and that want to (`ripe`). A model that has had more of the
   * workers than another by a batch or so waits for it; among the others the more urgent level and the earlier deadline
   * count. While several models wait, none gets the last worker that the others have left (`workers`).
   */
  next(
    mayRun: (lane: Lane) => boolean,
    ripe: (queue: BatchQueue) => boolean,
    workers: number,
  ): BatchQueue | undefined {
    if (this.#lanes.size === 1) {
      for (const [lane, waiting] of this.#lanes) return mayRun(lane) ? ripeOf(waiting, ripe) : undefined;
    }
    const heads: BatchQueue[] = [];
    for (const [lane, waiting] of this.#lanes) {
      if (!mayRun(lane)) continue;
      const head = ripeOf(waiting, ripe);
      if (head !== undefined) heads.push(head);
    }
    const modest = workers < 2 ? heads : heads.filter(({ lane }) => lane.running < workers - 1);
    let least = Number.POSITIVE_INFINITY;
    const among = modest.length > 0 ? modest : heads;
    for (const { lane } of among) least = Math.min(least, lane.usedMs);
    let best: BatchQueue | undefined;
    for (const queue of among) {
      if (queue.lane.usedMs > least + SHARE_PATIENCE_MS) continue;
      if (best === undefined || queueBefore(queue, best)) best = queue;
    }
    return best;
  }

  /** A model gets a worker for about this long. */
  charge(lane: Lane, ms: number): void {
    this.#virtualMs = Math.max(this.#virtualMs, lane.usedMs);
    lane.usedMs += ms;
  }

  /** Queues of one model version. */
  queuesOf(lane: Lane): ReadonlyMap<string, BatchQueue> | undefined {
    return this.#lanes.get(lane)?.queues;
  }

  /** Every waiting entry, in no useful order. */
  entries(): Entry[] {
    return [...this.#lanes.values()].flatMap(({ queues }) =>
      [...queues.values()].flatMap((queue) => queue.entries()),
    );
  }

  add(entry: Entry): void {
    const { lane } = entry;
    lane.queuedCost += entry.cost;
    lane.count(entry.level, 1);
    lane.shares.enter(entry.caller);
    let waiting = this.#lanes.get(lane);
    if (waiting === undefined) {
      waiting = { queues: new Map(), order: new IndexedHeap<BatchQueue>(queueBefore) };
      this.#lanes.set(lane, waiting);
      if (lane.running === 0) lane.usedMs = Math.max(lane.usedMs, this.#virtualMs);
    }
    let queue = waiting.queues.get(entry.shape);
    if (queue === undefined) {
      queue = new Queue(lane, entry.shape);
      waiting.queues.set(entry.shape, queue);
      queue.add(entry);
      waiting.order.add(queue);
    } else if (queue.add(entry)) {
      waiting.order.reorder(queue);
    }
  }

  /** Takes an entry out, wherever in its queue it is. */
  remove(entry: Entry): void {
    const { lane } = entry;
    const waiting = this.#lanes.get(lane);
    const queue = waiting?.queues.get(entry.shape);
    if (waiting === undefined || queue === undefined) return;
    const { size } = queue;
    const moved = queue.remove(entry);
    if (queue.size === size) return;
    lane.queuedCost -= entry.cost;
    lane.count(entry.level, -1);
    lane.shares.leave(entry.caller);
    if (queue.size > 0) {
      if (moved) waiting.order.reorder(queue);
      return;
    }
    waiting.order.remove(queue);
    waiting.queues.delete(entry.shape);
    if (waiting.queues.size === 0) this.#lanes.delete(lane);
  }
}

/** The first queue that is ripe; nearly always the first there is. */
function ripeOf({ order }: Waiting, ripe: (queue: BatchQueue) => boolean): BatchQueue | undefined {
  const { first } = order;
  if (first === undefined || ripe(first)) return first;
  let best: BatchQueue | undefined;
  for (const queue of order.items())
    if ((best === undefined || queueBefore(queue, best)) && ripe(queue)) best = queue;
  return best;
}
