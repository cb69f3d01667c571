import type { Readable } from 'node:stream';

/**
 * The messages of a stream's client, one at a time: the source is paused while one waits to be taken. Unlike iterating
 * the source itself, an end can be put to it from outside (`end`), and leaving the loop does not destroy the call.
 */
export class Inbox implements AsyncIterableIterator<Uint8Array> {
  readonly #source: Readable | undefined;
  readonly #waiting: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  /** Messages of `source`, or just the one given. */
  constructor(source: Readable | Uint8Array) {
    if (source instanceof Uint8Array) {
      this.#waiting.push(source);
      this.#ended = true;
      return;
    }
    this.#source = source;
    source.on('data', (message: Uint8Array) => {
      this.#waiting.push(message);
      source.pause();
      this.#wake?.();
    });
    source.on('end', () => this.end());
  }

  /** No more messages, whatever the client does; those that wait are still handed out. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const value = this.#waiting.shift();
      if (value !== undefined) return { value, done: false };
      if (this.#ended) return { value: undefined, done: true };
      this.#source?.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#ended = true;
    this.#waiting.length = 0;
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
