import type { Runnable } from './probe.js';

/** How the runtime, the C++ library and JavaScript say that there is no memory left. */
const ALLOCATION_FAILED = /failed to allocate memory|bad_alloc|allocation failed/i;

/** Whether something failed for want of memory. */
export function isAllocationFailure(error: unknown): boolean {
  return error instanceof Error && ALLOCATION_FAILED.test(error.message);
}

/**
 * Remembers that a run had no memory left. Who tries a model on made-up input takes a run that fails for a whim of the
 * model; this one is none: in a worker, which has no limit of its own, it would succeed.
 */
export class AllocationWatch implements Runnable {
  readonly #session: Runnable;
  #failure: unknown;

  constructor(session: Runnable) {
    this.#session = session;
  }

  readonly run: Runnable['run'] = async (inputs, outputs) => {
    try {
      return await this.#session.run(inputs, outputs);
    } catch (error) {
      if (isAllocationFailure(error)) this.#failure ??= error;
      throw error;
    }
  };

  /** Throws what a run has failed with for want of memory. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
