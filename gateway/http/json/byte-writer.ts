import { nearestFloat16Bits } from '../../core/half.js';

const floats = new Float32Array(1);
const doubles = new Float64Array(1);
const floatBytes = new Uint8Array(floats.buffer);
const doubleBytes = new Uint8Array(doubles.buffer);

/** Where a first guess is worth nothing. */
const FIRST_BYTES = 64;

/** Little-endian elements, one after the other, in a buffer that grows. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  /** @param expected bytes: right, and the result is a whole buffer, without a copy */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafe(expected > 0 ? expected : FIRST_BYTES);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written: a view. */
  finish(): Buffer {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length);
  }

  /** The lowest `size` bytes of a whole number: 1, 2 or 4. */
  int(value: number, size: number): void {
    const at = this.#room(size);
    const bytes = this.#bytes;
    bytes[at] = value;
    if (size === 1) return;
    bytes[at + 1] = value >> 8;
    if (size === 2) return;
    bytes[at + 2] = value >> 16;
    bytes[at + 3] = value >> 24;
  }

  /** A whole number that is exact as a double, in 8 bytes. */
  int64(value: number): void {
    const high = Math.floor(value / 2 ** 32);
    this.int(value - high * 2 ** 32, 4);
    this.int(high, 4);
  }

  bigint64(value: bigint): void {
    this.int(Number(BigInt.asUintN(32, value)), 4);
    this.int(Number(BigInt.asUintN(32, value >> 32n)), 4);
  }

  float16(value: number): void {
    this.int(nearestFloat16Bits(value), 2);
  }

  float32(value: number): void {
    const at = this.#room(4);
    floats[0] = value;
    const bytes = this.#bytes;
    bytes[at] = floatBytes[0] as number;
    bytes[at + 1] = floatBytes[1] as number;
    bytes[at + 2] = floatBytes[2] as number;
    bytes[at + 3] = floatBytes[3] as number;
  }

  float64(value: number): void {
    const at = this.#room(8);
    doubles[0] = value;
    for (let i = 0; i < 8; i++) this.#bytes[at + i] = doubleBytes[i] as number;
  }

  /** An element of a BYTES tensor: its length, then itself. */
  text(value: string, encoding: 'utf8' | 'base64'): void {
    // Base64 may be shorter than this says where it has line ends.
    const most = Buffer.byteLength(value, encoding);
    const at = this.#room(4 + most);
    const length = this.#bytes.write(value, at + 4, encoding);
    this.#bytes.writeUInt32LE(length, at);
    this.#length = at + 4 + length;
  }

  /** Where the next `size` bytes go. */
  #room(size: number): number {
    const at = this.#length;
    const end = at + size;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * at));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    this.#length = end;
    return at;
  }
}
