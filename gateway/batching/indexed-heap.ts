/** What an IndexedHeap holds: it keeps the item's own place in it, so that any item can be found and taken out. */
export interface HeapItem {
  /** Written by the heap alone; -1 while the item is in none. An item is in one heap at a time. */
  heapIndex: number;
}

/**
 * A binary heap from which any item can be removed, not only the first: the textbook structure with each item's
 * index kept in the item. Adding, removing and reordering cost O(log n), looking at the first O(1).
 */
export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** @param before a strict total order: whether `a` comes out before `b` */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The item that comes first. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** All items, in no useful order; a copy, so that they can be removed while it is walked. */
  items(): T[] {
    return this.#items.slice();
  }

  add(item: T): void {
    this.#items.push(item);
    this.#siftUp(item, this.#items.length - 1);
  }

  /** Does nothing when the item is not in the heap. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (this.#items[index] !== item) return;
    const last = this.#items.pop() as T;
    item.heapIndex = -1;
    if (last === item) return;
    // The last item fills the gap and moves to where it belongs: up or down, since it comes from another branch.
    last.heapIndex = index;
    this.#items[index] = last;
    this.#sift(last, index);
  }

  /** Puts an item where it belongs after what the order looks at has changed. */
  reorder(item: T): void {
    this.#sift(item, item.heapIndex);
  }

  #sift(item: T, index: number): void {
    this.#siftUp(item, index);
    if (item.heapIndex === index) this.#siftDown(item, index);
  }

  #siftUp(item: T, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex] as T;
      if (!this.#before(item, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  #siftDown(item: T, from: number): void {
    const size = this.#items.length;
    let index = from;
    for (let childIndex = 2 * index + 1; childIndex < size; childIndex = 2 * index + 1) {
      let child = this.#items[childIndex] as T;
      const right = this.#items[childIndex + 1];
      if (right !== undefined && this.#before(right, child)) {
        child = right;
        childIndex++;
      }
      if (!this.#before(child, item)) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(item, index);
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
