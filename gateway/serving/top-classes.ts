/** Numbers of any of the numeric datatypes. */
export type Numbers = ArrayLike<number> | ArrayLike<bigint>;

/**
 * The indices, from 0, of the largest of the elements `from` to `to`, the largest first. Equal ones come in their order, and
 * what is not a number comes last. Takes O(n log count), so that a few of many cost little more than a look at each.
 */
export function topIndices(values: Numbers, from: number, to: number, count: number): number[] {
  const size = Math.min(count, to - from);
  if (size <= 0) return [];
  const before = (a: number, b: number): boolean => {
    const x = values[from + a] as number;
    const y = values[from + b] as number;
    if (x > y) return true;
    if (x < y) return false;
    // Equal, or one is not a number.
    const lost = Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return lost === 0 ? a < b : lost < 0;
  };
  const order = (a: number, b: number): number => (before(a, b) ? -1 : 1);
  if (size === to - from) return Array.from({ length: size }, (_, i) => i).sort(order);
  // The root of the heap is the last of those kept.
  const heap: number[] = [];
  for (let i = 0; i < to - from; i++) {
    if (heap.length < size) push(heap, i, before);
    else if (before(i, heap[0] as number)) replaceRoot(heap, i, before);
  }
  return heap.sort(order);
}

type Before = (a: number, b: number) => boolean;

function push(heap: number[], item: number, before: Before): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(heap[parent] as number, item)) break;
    heap[at] = heap[parent] as number;
    at = parent;
  }
  heap[at] = item;
}

function replaceRoot(heap: number[], item: number, before: Before): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child] as number, heap[child + 1] as number)) child++;
    if (!before(item, heap[child] as number)) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = item;
}
