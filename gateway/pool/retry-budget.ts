/** What one batch sent adds: a tenth of a retry. */
const PER_BATCH = 0.1;
/** Retries that may come at once. */
const MAX_SAVED = 100;
/** Retries that there are before anything was sent. */
const AT_FIRST = 10;

/** Bounds the retries beyond the first of each batch to a tenth of what is sent, so that they never become the load. */
export class RetryBudget {
  #left = AT_FIRST;

  /** A batch was sent, for the first time or again. */
  sent(): void {
    if (this.#left < MAX_SAVED) this.#left += PER_BATCH;
  }

  /** Takes one retry; false when there is none left. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
