/**
 * What no scheduler can exceed: rows poured like water into a machine that drains `perSecond` of them without a pause, each
 * turned away only if what is there before it lasts beyond `longestMs`, the longest deadline of all. After a lull nothing can
 * be made up for, which min(offered, capacity) takes no account of.
 */
export class Possible {
  readonly #perSecond: number;
  readonly #longestMs: number;
  #levelMs = 0;
  #lastMs = 0;
  rows = 0;

  constructor(perSecond: number, longestMs: number) {
    this.#perSecond = perSecond;
    this.#longestMs = longestMs;
  }

  /** Rows have come; whether they are among those that count. */
  came(atMs: number, rows: number, counts: boolean): void {
    this.#levelMs = Math.max(0, this.#levelMs - (atMs - this.#lastMs));
    this.#lastMs = atMs;
    const workMs = (1000 * rows) / this.#perSecond;
    if (this.#levelMs + workMs > this.#longestMs) return;
    this.#levelMs += workMs;
    if (counts) this.rows += rows;
  }
}
