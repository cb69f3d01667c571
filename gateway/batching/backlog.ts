import { before } from './batch-policy.js';
import { BatchQueue } from './batch-queue.js';
import type { Entry } from './entry.js';
import { IndexedHeap } from './indexed-heap.js';
import type { Lane } from './lane.js';

/**
 * Everything that waits: a queue per model version and per-row shape, and the queues in order of their first entries.
 * A queue exists only while it holds something, since its shape is the client's choice and would else be a leak.
 */
export class Backlog {
  readonly #queues = new Map<Lane, Map<string, BatchQueue>>();
  readonly #order = new IndexedHeap<BatchQueue>(before);

  /** The queue that comes next; undefined when nothing waits. */
  get first(): BatchQueue | undefined {
    return this.#order.first;
  }

  /** The queue that comes next among those of the versions that may run; looks at every queue only if the first may not. */
  next(mayRun: (lane: Lane) => boolean): BatchQueue | undefined {
    const first = this.#order.first;
    if (first === undefined || mayRun(first.lane)) return first;
    let best: BatchQueue | undefined;
    for (const queue of this.#order.items())
      if (mayRun(queue.lane) && (best === undefined || before(queue, best))) best = queue;
    return best;
  }

  /** Every waiting entry, in no useful order. */
  entries(): Entry[] {
    return this.#order.items().flatMap((queue) => queue.entries());
  }

  add(entry: Entry): void {
    entry.lane.queuedCost += entry.cost;
    let queues = this.#queues.get(entry.lane);
    if (queues === undefined) {
      queues = new Map();
      this.#queues.set(entry.lane, queues);
    }
    let queue = queues.get(entry.shape);
    if (queue === undefined) {
      queue = new BatchQueue(entry.lane, entry.shape);
      queues.set(entry.shape, queue);
      queue.add(entry);
      this.#order.add(queue);
    } else if (queue.add(entry)) {
      this.#order.reorder(queue);
    }
  }

  /** Takes an entry out, wherever in its queue it is. */
  remove(entry: Entry): void {
    const queues = this.#queues.get(entry.lane);
    const queue = queues?.get(entry.shape);
    if (queues === undefined || queue === undefined || entry.heapIndex < 0) return;
    entry.lane.queuedCost -= entry.cost;
    const turnChanged = queue.remove(entry);
    if (queue.size > 0) {
      if (turnChanged) this.#order.reorder(queue);
      return;
    }
    this.#order.remove(queue);
    queues.delete(entry.shape);
    if (queues.size === 0) this.#queues.delete(entry.lane);
  }
}
