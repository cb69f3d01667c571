/**
 * A caller's wish to stop, as a value: set once by the transport, read by whoever holds the request. Much cheaper
 * than an AbortSignal, of which it needs one listener only: the batcher's entry while it waits or runs.
 */
export class Cancellation {
  #cancelled = false;
  #listener: (() => void) | undefined;

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Idempotent: the listener is called at most once. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.();
  }

  /** Sets the one listener (undefined takes it back); called at once if already cancelled. */
  listen(listener: (() => void) | undefined): void {
    if (this.#cancelled) listener?.();
    else this.#listener = listener;
  }
}
