import type { Clock, TimerHandle } from './clock.js';

/** A monotonic instant in milliseconds, on the Clock's scale; Infinity for none. Never a duration. */
export type Deadline = number;

/** One tick of the wheel: how late an expiry may be noticed. */
const TICK_MS = 5;

/** What the wheel holds; the caller keeps it to be able to take it out. */
export interface DeadlineHandle {
  readonly tick: number;
  readonly onExpire: () => void;
}

/**
 * Expiries of many requests behind one timer: adding and removing cost a set operation, and the timer runs only while
 * something waits, from tick to tick. An expiry is seen at the first tick (every 5 ms) after its deadline, never before it.
 */
export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #buckets = new Map<number, Set<DeadlineHandle>>();
  #timer: TimerHandle | undefined;
  #cursor = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `onExpire` once at `deadline`, unless removed before. Returns undefined when there is no deadline. */
  add(deadline: Deadline, onExpire: () => void): DeadlineHandle | undefined {
    if (deadline === Number.POSITIVE_INFINITY) return undefined;
    const now = this.#clock.now();
    if (this.#timer === undefined) this.#cursor = Math.floor(now / TICK_MS);
    const tick = Math.max(Math.ceil(deadline / TICK_MS), this.#cursor + 1);
    const handle: DeadlineHandle = { tick, onExpire };
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) this.#buckets.set(tick, new Set([handle]));
    else bucket.add(handle);
    if (this.#timer === undefined) this.#arm(now);
    return handle;
  }

  remove(handle: DeadlineHandle | undefined): void {
    if (handle === undefined) return;
    const bucket = this.#buckets.get(handle.tick);
    // The timer stays as it is: to set and clear one for each request that comes alone would cost more than the request.
    if (bucket?.delete(handle) && bucket.size === 0) this.#buckets.delete(handle.tick);
  }

  /** At the next tick's edge. The timer keeps no process alive: what waits for a deadline waits for something else too. */
  #arm(now: number): void {
    const delayMs = (Math.floor(now / TICK_MS) + 1) * TICK_MS - now;
    this.#timer = this.#clock.setTimer(this.#advance, delayMs, { unref: true });
  }

  readonly #advance = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    const reached = Math.floor(now / TICK_MS);
    const due: DeadlineHandle[] = [];
    if (reached - this.#cursor > this.#buckets.size) {
      // The loop was blocked (or few wait): walk the buckets there are, not the ticks that passed.
      for (const tick of [...this.#buckets.keys()].sort((a, b) => a - b))
        if (tick <= reached) this.#take(tick, due);
    } else {
      for (let tick = this.#cursor + 1; tick <= reached; tick++) this.#take(tick, due);
    }
    this.#cursor = reached;
    if (this.#buckets.size > 0) this.#arm(now);
    for (const handle of due) handle.onExpire();
  };

  #take(tick: number, into: DeadlineHandle[]): void {
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) return;
    this.#buckets.delete(tick);
    into.push(...bucket);
  }
}
