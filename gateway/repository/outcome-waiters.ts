import { type Deferred, deferred } from '../core/deferred.js';
import type { LoadOutcome } from './explicit-control.js';

/** Who waits for the end of a model's loads, however many: one promise a model for all, so that callers who went away leave nothing behind. */
export class OutcomeWaiters {
  readonly #waiting = new Map<string, Deferred<readonly LoadOutcome[]>>();

  wait(model: string): Promise<readonly LoadOutcome[]> {
    const waiter = this.#waiting.get(model) ?? deferred();
    this.#waiting.set(model, waiter);
    return waiter.promise;
  }

  /** Tells those of whose model nothing is under way; `outcomesOf` is undefined while something is. */
  tell(outcomesOf: (model: string) => readonly LoadOutcome[] | undefined): void {
    for (const [model, { resolve }] of this.#waiting) {
      const outcomes = outcomesOf(model);
      if (outcomes === undefined) continue;
      this.#waiting.delete(model);
      resolve(outcomes);
    }
  }
}
