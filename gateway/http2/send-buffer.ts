import type { Duplex } from 'node:stream';

/** Room for the largest frame that is sent, and for many small ones. */
const SIZE = 32 * 1024;
/** Spare buffers that are kept for all connections together. */
const MAX_SPARE = 256;
const spare: Buffer[] = [];

/**
 * Collects what one turn of the event loop has to say on a connection, and writes it in one piece. A connection has a buffer only
 * while there is something in it, or with the kernel: ten thousand idle ones have none.
 */
export class SendBuffer {
  readonly #socket: Duplex;
  readonly #onRoom: () => void;
  readonly #onDirty: () => void;
  #bytes: Buffer | undefined;
  #at = 0;
  /** Written, but not taken by the kernel yet; ours again when it is. */
  #lent: Buffer[] = [];
  #ended = false;

  /**
   * @param onDirty called when there is something to `flush`
   * @param onRoom called when the kernel has taken everything, after `blocked` was true
   */
  constructor(socket: Duplex, onDirty: () => void, onRoom: () => void) {
    this.#socket = socket;
    this.#onDirty = onDirty;
    this.#onRoom = onRoom;
  }

  /** The peer does not read as fast as it is written to: bodies should wait. */
  get blocked(): boolean {
    return this.#lent.length > 0;
  }

  /** Bytes that the kernel has not taken. */
  get waitingBytes(): number {
    return this.#socket.writableLength + this.#at;
  }

  /** Where reserved bytes go; changes with every `reserve`. */
  get bytes(): Buffer {
    return this.#bytes as Buffer;
  }

  /** Makes room for `size` contiguous bytes, at most `SIZE`: write them to `bytes` from the offset that this returns. */
  reserve(size: number): number {
    if (this.#bytes !== undefined && this.#at + size > this.#bytes.length) this.flush();
    if (this.#bytes === undefined) {
      this.#bytes = spare.pop() ?? Buffer.allocUnsafeSlow(SIZE);
      this.#onDirty();
    }
    const at = this.#at;
    this.#at += size;
    return at;
  }

  /** Takes back what was reserved last, and could not be written. */
  cancel(size: number): void {
    this.#at -= size;
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  flush(): void {
    const bytes = this.#bytes;
    if (bytes === undefined) return;
    this.#bytes = undefined;
    const length = this.#at;
    this.#at = 0;
    if (length === 0 || this.#socket.destroyed || this.#ended) {
      giveBack(bytes);
      return;
    }
    this.#socket.write(length === bytes.length ? bytes : bytes.subarray(0, length), this.#taken);
    // As a rule the kernel has taken it at once.
    if (this.#socket.writableLength === 0 && this.#lent.length === 0) giveBack(bytes);
    else this.#lent.push(bytes);
  }

  /** Writes what is left and says that nothing follows. */
  end(): void {
    this.flush();
    this.#ended = true;
    this.#socket.end();
  }

  readonly #taken = (): void => {
    if (this.#lent.length === 0 || this.#socket.writableLength > 0) return;
    for (const bytes of this.#lent) giveBack(bytes);
    this.#lent = [];
    this.#onRoom();
  };
}

function giveBack(bytes: Buffer): void {
  if (bytes.length === SIZE && spare.length < MAX_SPARE) spare.push(bytes);
}
