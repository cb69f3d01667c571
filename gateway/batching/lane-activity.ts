import type { Lane } from './lane.js';

/** A model that had a request within this time wants workers. */
const RECENT_MS = 1000;

/** Which models had requests lately: whether a model has the workers for itself. O(1) however many models there are. */
export class LaneActivity {
  #latest: Lane | undefined;
  #latestAt = Number.NEGATIVE_INFINITY;
  /** Any other than the latest. */
  #otherAt = Number.NEGATIVE_INFINITY;

  /** A request for this model has come. */
  seen(lane: Lane, now: number): void {
    if (lane !== this.#latest) {
      this.#otherAt = this.#latestAt;
      this.#latest = lane;
    }
    this.#latestAt = now;
  }

  /** Whether more than one model had requests lately. */
  shared(now: number): boolean {
    return now - this.#otherAt < RECENT_MS;
  }

  /** Until when others than this model count as wanting workers. */
  othersUntil(lane: Lane): number {
    return (lane === this.#latest ? this.#otherAt : this.#latestAt) + RECENT_MS;
  }
}
