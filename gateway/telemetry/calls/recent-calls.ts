import type { CallFate, CallRecord } from '../../core/call-record.js';

/** The last so many of something: adding is O(1) and forgets the oldest. */
class Ring<T> {
  readonly #slots: (T | undefined)[];
  #next = 0;

  constructor(capacity: number) {
    this.#slots = new Array<T | undefined>(capacity).fill(undefined);
  }

  add(item: T): void {
    this.#slots[this.#next] = item;
    this.#next = (this.#next + 1) % this.#slots.length;
  }

  items(): T[] {
    return this.#slots.filter((item) => item !== undefined);
  }
}

/** The last calls of each fate: a flood of refusals does not push out the failure that somebody looks for. */
export class RecentCalls {
  readonly #rings: Readonly<Record<CallFate, Ring<CallRecord>>>;

  /** @param capacity of each fate */
  constructor(capacity: number) {
    this.#rings = { failed: new Ring(capacity), refused: new Ring(capacity), slow: new Ring(capacity) };
  }

  add(record: CallRecord): void {
    this.#rings[record.fate].add(record);
  }

  /** See CallMemory.find. */
  find(id: string, fate: CallFate | undefined, limit: number): readonly CallRecord[] {
    const rings = fate === undefined ? Object.values(this.#rings) : [this.#rings[fate]];
    return rings
      .flatMap((ring) => ring.items())
      .filter(({ requestId, traceId }) => requestId.startsWith(id) || traceId.startsWith(id))
      .sort((a, b) => b.endedAt - a.endedAt)
      .slice(0, limit);
  }
}
