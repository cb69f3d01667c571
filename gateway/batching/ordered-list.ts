import { before, type Turn } from './batch-policy.js';

/** Something that waits in order of its turn and takes room. */
export interface Ordered extends Turn {
  readonly cost: number;
  readonly deadline: number;
}

/** Items of a chunk before it is split: small enough to shift, large enough that there are few. */
const MAX_CHUNK = 128;

interface Chunk<T> {
  readonly items: T[];
  cost: number;
}

/**
 * Items in the order of their turns, in chunks with the sum of their costs: adding, removing and asking what comes before an
 * instant look at a few chunks each, and what comes first can be read in order. Nearly all items are added at the end.
 */
export class OrderedList<T extends Ordered> {
  readonly #chunks: Chunk<T>[] = [];
  size = 0;
  /** Sum of the items' costs. */
  cost = 0;

  get first(): T | undefined {
    return this.#chunks[0]?.items[0];
  }

  add(item: T): void {
    this.size++;
    this.cost += item.cost;
    const index = Math.max(0, this.#chunkOf(item));
    const chunk = this.#chunks[index];
    if (chunk === undefined) {
      this.#chunks.push({ items: [item], cost: item.cost });
      return;
    }
    chunk.items.splice(placeOf(chunk.items, item), 0, item);
    chunk.cost += item.cost;
    if (chunk.items.length > MAX_CHUNK) this.#split(index);
  }

  /** Whether it was there. */
  remove(item: T): boolean {
    const index = this.#chunkOf(item);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return false;
    const place = placeOf(chunk.items, item) - 1;
    if (chunk.items[place] !== item) return false;
    if (place === 0) chunk.items.shift();
    else chunk.items.splice(place, 1);
    chunk.cost -= item.cost;
    this.size--;
    this.cost -= item.cost;
    if (chunk.items.length === 0) this.#chunks.splice(index, 1);
    return true;
  }

  /** Puts the first items into `into`, which is empty: as many as have at most `maxCost` together, and one at least. */
  read(maxCost: number, into: T[]): void {
    let cost = 0;
    for (const { items } of this.#chunks)
      for (const item of items) {
        cost += item.cost;
        if (into.length > 0 && cost > maxCost) return;
        into.push(item);
      }
  }

  /** The items in order. Must not be changed meanwhile. */
  *[Symbol.iterator](): Generator<T, void> {
    for (const { items } of this.#chunks) yield* items;
  }

  /** Sum of the costs of the items whose turn is at `turn` or before. */
  costUpTo(turn: number): number {
    let sum = 0;
    for (const { items, cost } of this.#chunks) {
      const last = items[items.length - 1] as T;
      if (last.turn <= turn) {
        sum += cost;
        continue;
      }
      for (const item of items) {
        if (item.turn > turn) break;
        sum += item.cost;
      }
      break;
    }
    return sum;
  }

  /**
   * Whether every item can end by its deadline when one that has `cost` rows up to and with it ends at `endAt(cost)`.
   * The first `skipCost` rows are not asked about: they run now. `endAt` must not fall. One whose turn is later than its deadline may be passed over. Whole chunks are passed over where the last of it would be in
   * time for the first; so a queue without trouble is looked at chunk by chunk.
   */
  allEndInTime(skipCost: number, endAt: (cost: number) => number): boolean {
    let cost = -skipCost;
    for (const chunk of this.#chunks) {
      const after = cost + chunk.cost;
      if (after <= 0 || endAt(after) <= (chunk.items[0] as T).turn) {
        cost = after;
        continue;
      }
      for (const item of chunk.items) {
        cost += item.cost;
        if (cost > 0 && endAt(cost) > item.deadline) return false;
      }
    }
    return true;
  }

  /** The last chunk whose first item comes before `item` or is it; -1 when there is none. */
  #chunkOf(item: T): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const head = (this.#chunks[middle] as Chunk<T>).items[0] as T;
      if (before(item, head)) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }

  #split(index: number): void {
    const chunk = this.#chunks[index] as Chunk<T>;
    const items = chunk.items.splice(MAX_CHUNK >> 1);
    let cost = 0;
    for (const item of items) cost += item.cost;
    chunk.cost -= cost;
    this.#chunks.splice(index + 1, 0, { items, cost });
  }
}

/** How many items come before `item` or are it. */
function placeOf<T extends Turn>(items: readonly T[], item: T): number {
  let low = 0;
  let high = items.length;
  // What comes last is what was added last, as a rule.
  if (high > 0 && !before(item, items[high - 1] as T)) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(item, items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
