/**
 * Gathers the elements of one tensor from the pieces in which the wire may deliver them. A single piece stays the view
 * that it is; only a second one costs a copy. Memory is bounded by the pieces' own size, however many they are.
 */
export class ByteSink {
  #view: Uint8Array | undefined;
  #buffer: Buffer | undefined;
  #length = 0;

  /** Whether anything was added, be it empty. */
  get used(): boolean {
    return this.#view !== undefined || this.#buffer !== undefined;
  }

  /** Appends bytes that nobody will write to. */
  add(bytes: Uint8Array): void {
    if (!this.used) {
      this.#view = bytes;
      return;
    }
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** Appends an element of a BYTES tensor: its length, then itself. */
  addPrefixed(bytes: Uint8Array): void {
    const at = this.reserve(4 + bytes.length);
    this.buffer.writeUInt32LE(bytes.length, at);
    this.buffer.set(bytes, at + 4);
  }

  /** Where `reserve` made room; changes with every call of it. */
  get buffer(): Buffer {
    return this.#buffer as Buffer;
  }

  /** Makes room for `count` bytes in `buffer`, to be written by the caller, and returns where they start. */
  reserve(count: number): number {
    const start = this.#view?.length ?? this.#length;
    const needed = start + count;
    if (this.#buffer === undefined || needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * start, 64));
      larger.set(this.#view ?? this.#buffer?.subarray(0, start) ?? []);
      this.#buffer = larger;
    }
    this.#view = undefined;
    this.#length = needed;
    return start;
  }

  finish(): Uint8Array {
    return this.#view ?? this.#buffer?.subarray(0, this.#length) ?? new Uint8Array(0);
  }
}
