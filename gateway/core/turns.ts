/** Does one thing after the other, in the order in which they are asked for; one that fails holds up none that comes after. */
export class Turns {
  /** Ends with the last that was asked for; never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  /** Begins `work` when its turn has come; settles as it does. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
