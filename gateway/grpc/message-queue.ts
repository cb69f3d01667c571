/** Messages of a stream's client that wait to be taken, as the iterable that a handler reads. */
export class MessageQueue implements AsyncIterableIterator<Uint8Array> {
  readonly #onTaken: (message: Uint8Array) => void;
  readonly #messages: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param onTaken called after a message was taken */
  constructor(onTaken: (message: Uint8Array) => void) {
    this.#onTaken = onTaken;
  }

  get waiting(): number {
    return this.#messages.length;
  }

  push(message: Uint8Array): void {
    if (this.#ended) return;
    this.#messages.push(message);
    this.#wake?.();
  }

  /** No more messages; those that wait are still handed out. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const value = this.#messages.shift();
      if (value !== undefined) {
        this.#onTaken(value);
        return { value, done: false };
      }
      if (this.#ended) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#ended = true;
    this.#messages.length = 0;
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
