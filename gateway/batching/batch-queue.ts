import { before, type Turn } from './batch-policy.js';
import type { Entry } from './entry.js';
import { type HeapItem, IndexedHeap } from './indexed-heap.js';
import type { Lane } from './lane.js';

/**
 * The waiting entries that can run together: one model version, one per-row shape. In order of their turns (deadlines,
 * as a rule) and of arrival among equals; adding and removing cost O(log n). Its own turn is that of its first entry.
 */
export class BatchQueue implements HeapItem, Turn {
  heapIndex = -1;
  readonly lane: Lane;
  readonly shape: string;
  turn = Number.POSITIVE_INFINITY;
  sequence = 0;
  readonly #entries = new IndexedHeap<Entry>(before);

  constructor(lane: Lane, shape: string) {
    this.lane = lane;
    this.shape = shape;
  }

  /** The entry whose turn comes first. */
  get head(): Entry | undefined {
    return this.#entries.first;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A copy, in no useful order. */
  entries(): Entry[] {
    return this.#entries.items();
  }

  /** Whether the queue's own turn changed by it. */
  add(entry: Entry): boolean {
    this.#entries.add(entry);
    return this.#follow();
  }

  /** Whether the queue's own turn changed by it. */
  remove(entry: Entry): boolean {
    this.#entries.remove(entry);
    return this.#follow();
  }

  #follow(): boolean {
    const head = this.#entries.first;
    if (head === undefined || (head.turn === this.turn && head.sequence === this.sequence)) return false;
    this.turn = head.turn;
    this.sequence = head.sequence;
    return true;
  }
}
