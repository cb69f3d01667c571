import type { Socket } from 'node:net';

const SIZE = 64 * 1024;

/**
 * Collects what one tick has to say and writes it to the socket in one piece. The kernel usually takes it at once, and
 * the same memory is filled again; what it does not take stays with the socket until it has drained.
 */
export class OutBuffer {
  readonly #socket: Socket;
  /** Free memory to write the next bytes to: `bytes.length - at` of them. */
  #bytes: Buffer = Buffer.allocUnsafe(SIZE);
  #at = 0;
  #lent: Buffer[] = [];

  /** @param socket must have a high-water mark of 1, so that it reports 'drain' after every write that did not go at once. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('drain', () => {
      const spare = this.#lent.find((buffer) => buffer.length === SIZE);
      this.#lent = [];
      if (spare !== undefined && this.#at === 0) this.#bytes = spare;
    });
  }

  /** The kernel has not taken everything: large bodies should wait. */
  get blocked(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Makes room for `size` contiguous bytes: write them to `bytes` from the offset that this returns. */
  reserve(size: number): number {
    if (this.#at + size > this.#bytes.length) {
      this.flush();
      if (size > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(size);
    }
    const at = this.#at;
    this.#at += size;
    return at;
  }

  /** Where reserved bytes go; changes with every `reserve`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  flush(): void {
    if (this.#at === 0 || this.#socket.destroyed) return;
    this.#socket.write(this.#at === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    if (this.#socket.writableLength === 0) return;
    this.#lent.push(this.#bytes);
    this.#bytes = Buffer.allocUnsafe(SIZE);
  }
}
