import { readdirSync, unlinkSync } from 'node:fs';
import { FAULT_KINDS, type FaultKind, type FaultMoment } from './waiting-faults.js';

/**
 * Faults that are ordered from outside, so that a worker can be struck without a request that is guilty of it: each is a file,
 * named `<moment>.<kind>.<anything>`, in a folder beside the model. Who takes its name away has taken it, and a file can be taken
 * away only once: of all workers exactly one is struck, and two files strike two workers.
 */
export class FaultOrders {
  readonly #folder: string | undefined;

  /** @param folder undefined: there are never any. It need not exist. */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Takes an order for this moment, if there is one. */
  take(when: FaultMoment): FaultKind | undefined {
    if (this.#folder === undefined) return undefined;
    for (const name of this.#names()) {
      const [moment, kind] = name.split('.');
      if (moment !== when || !(FAULT_KINDS as readonly (string | undefined)[]).includes(kind)) continue;
      try {
        unlinkSync(`${this.#folder}/${name}`);
        return kind as FaultKind;
      } catch {
        // Another worker was faster.
      }
    }
    return undefined;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder as string).sort();
    } catch {
      return [];
    }
  }
}
