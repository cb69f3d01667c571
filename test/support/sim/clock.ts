import type { Clock, TimerHandle } from '../../../gateway/core/clock.js';

interface Event {
  readonly at: number;
  /** Order of making, unique. */
  readonly sequence: number;
  fn: (() => void) | undefined;
}

/** Where simulated time begins: not at zero, so that an instant is not mistaken for a duration. */
const START_MS = 1_000_000;

/**
 * Simulated time. Events happen in the order of their instants, then of their making; between two instants all promise
 * callbacks run, as between two turns of the event loop. Setting a timer costs O(log n) and cancelling one O(1).
 */
export class SimClock implements Clock {
  readonly #heap: Event[] = [];
  #endOfInstant: (() => void)[] = [];
  #now = START_MS;
  #sequence = 0;
  #pending = 0;
  /** Called at the end of each instant, when everything that it brought has happened. */
  onInstant: () => void = () => {};
  /** Errors that are made while time runs have their stacks: dear where hundreds of thousands of requests are refused. */
  stacks = true;

  now(): number {
    return this.#now;
  }

  /** Milliseconds since the beginning. */
  get elapsedMs(): number {
    return this.#now - START_MS;
  }

  get pendingTimers(): number {
    return this.#pending;
  }

  setTimer(fn: () => void, delayMs: number): TimerHandle {
    const event: Event = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, fn };
    this.#pending++;
    this.#push(event);
    return {
      cancel: () => {
        if (event.fn !== undefined) this.#pending--;
        event.fn = undefined;
      },
    };
  }

  /** What `setImmediate` is to the real loop: calls back when all that this instant brings has happened. */
  readonly soon = (fn: () => void): void => {
    this.#endOfInstant.push(fn);
  };

  /** Lets everything happen that is due within `ms` from now, and leaves time there. */
  async run(ms: number): Promise<void> {
    const limit = Error.stackTraceLimit;
    if (!this.stacks) Error.stackTraceLimit = 0;
    try {
      await this.#run(this.#now + ms);
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  async #run(until: number): Promise<void> {
    await this.#settle();
    for (let next = this.#first(); next !== undefined && next.at <= until; next = this.#first()) {
      this.#now = Math.max(this.#now, next.at);
      this.#fire(this.#now);
      await this.#settle();
    }
    this.#now = until;
  }

  /** The first event that was not cancelled. */
  #first(): Event | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].fn === undefined) this.#pop();
    return this.#heap[0];
  }

  #fire(now: number): void {
    for (let event = this.#heap[0]; event !== undefined && event.at <= now; event = this.#heap[0]) {
      this.#pop();
      const { fn } = event;
      if (fn === undefined) continue;
      event.fn = undefined;
      this.#pending--;
      fn();
    }
  }

  /** A turn of the real loop lets every promise callback run, however long their chain is. */
  async #settle(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#endOfInstant.length > 0) {
      const due = this.#endOfInstant;
      this.#endOfInstant = [];
      for (const fn of due) fn();
      await new Promise(setImmediate);
    }
    this.onInstant();
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (earlier(heap[parent] as Event, event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && earlier(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (earlier(last, heap[child] as Event)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
