import { isAscii, isUtf8 } from 'node:buffer';
import { GatewayError } from '../core/error.js';

/** Groups nested deeper than this are refused, as protobuf libraries do. */
const MAX_GROUP_DEPTH = 100;

/**
 * What reading one message may cost, in elements of a packed field; a field costs eight. Two bytes make a field, so that a
 * message of nothing but small fields would hold the event loop for seconds. At this limit it is about a fifth of one.
 */
const MAX_COST = 8 * 1024 * 1024;
const FIELD_COST = 8;

/** The request cannot be parsed as the message it should be: a library rule of gRPC makes that INTERNAL. */
export function malformed(why: string): GatewayError {
  return new GatewayError('INTERNAL', `could not parse the request message: ${why}`, {
    reason: 'bad_request',
  });
}

/**
 * Reads the protobuf wire format strictly: what is truncated, mistyped, overlong or not UTF-8 is refused with
 * `malformed`, never guessed at. Nested messages are read in place between `enter` and `leave`; bytes are views.
 * Format: the "Encoding" page of the Protocol Buffers documentation.
 */
export class WireReader {
  readonly buffer: Buffer;
  pos = 0;
  /** First position that does not belong to the message being read. */
  end: number;
  /** The last varint read, as two signed halves. */
  lo = 0;
  hi = 0;
  #cost = 0;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = this.buffer.length;
  }

  get more(): boolean {
    return this.pos < this.end;
  }

  /** A field's number and wire type: `number << 3 | type`. */
  tag(): number {
    this.spend(FIELD_COST);
    const tag = this.#short();
    if (tag < 8) throw malformed('a field has the number 0');
    return tag;
  }

  /** Counts work that a message makes beyond its tags. Throws INVALID_ARGUMENT when it is too much for one request. */
  spend(cost: number): void {
    this.#cost += cost;
    if (this.#cost > MAX_COST) throw tooCostly();
  }

  /** Reads a varint of up to ten bytes into `lo` and `hi`. */
  varint(): void {
    const { buffer, end } = this;
    let pos = this.pos;
    const first = buffer[pos] as number;
    if (pos < end && first < 0x80) {
      this.pos = pos + 1;
      this.lo = first;
      this.hi = 0;
      return;
    }
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= end) throw truncated();
      const byte = buffer[pos++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) lo |= bits << shift;
      else if (shift === 28) {
        lo |= bits << 28;
        hi = bits >>> 4;
      } else if (shift < 63) hi |= bits << (shift - 32);
      else hi |= (bits & 1) << 31;
      if (byte < 0x80) {
        this.pos = pos;
        this.lo = lo;
        this.hi = hi;
        return;
      }
    }
    throw malformed('a number takes more than ten bytes');
  }

  bool(): boolean {
    this.varint();
    return this.lo !== 0 || this.hi !== 0;
  }

  int64(): bigint {
    this.varint();
    return (BigInt(this.hi) << 32n) | BigInt(this.lo >>> 0);
  }

  uint64(): bigint {
    this.varint();
    return (BigInt(this.hi >>> 0) << 32n) | BigInt(this.lo >>> 0);
  }

  double(): number {
    return this.buffer.readDoubleLE(this.#take(8));
  }

  /** A view of `count` bytes. */
  fixed(count: number): Buffer {
    const start = this.#take(count);
    return this.buffer.subarray(start, start + count);
  }

  /** A length-delimited field as a view. */
  bytes(): Buffer {
    return this.fixed(this.#short());
  }

  /** A length-delimited field as text; refused when it is not UTF-8. */
  string(): string {
    const length = this.#short();
    const start = this.#take(length);
    if (length === 0) return '';
    if (length < 64) {
      let ascii = true;
      for (let i = start; i < this.pos; i++) if ((this.buffer[i] as number) > 0x7f) ascii = false;
      if (ascii) return this.buffer.toString('latin1', start, this.pos);
    }
    const view = this.buffer.subarray(start, this.pos);
    if (isAscii(view)) return view.toString('latin1');
    if (!isUtf8(view)) throw malformed('a text is not valid UTF-8');
    return view.toString('utf8');
  }

  /** Starts a length-delimited message; its result goes to `leave`. */
  enter(): number {
    const length = this.#short();
    if (length > this.end - this.pos) throw truncated();
    const outer = this.end;
    this.end = this.pos + length;
    return outer;
  }

  leave(outer: number): void {
    this.end = outer;
  }

  /** Skips a field that is not known; `lastKnown` is the highest number of those that are. */
  skipUnknown(tag: number, lastKnown: number): void {
    if (tag >>> 3 <= lastKnown) throw malformed('a field has another wire type than its number asks for');
    if ((tag & 7) === 3) this.#skipGroup(tag >>> 3);
    else this.#skipValue(tag & 7);
  }

  #skipValue(type: number): void {
    if (type === 0) this.varint();
    else if (type === 1) this.#take(8);
    else if (type === 2) this.#take(this.#short());
    else if (type === 5) this.#take(4);
    else throw malformed(type === 4 ? 'a group ends that did not start' : 'a field has an unknown wire type');
  }

  /** Not recursive: ten thousand nested groups must not cost the stack. */
  #skipGroup(field: number): void {
    const open = [field];
    while (open.length > 0) {
      const tag = this.tag();
      const type = tag & 7;
      if (type === 3) {
        if (open.length >= MAX_GROUP_DEPTH) throw malformed('groups are nested too deeply');
        open.push(tag >>> 3);
      } else if (type === 4) {
        if (open.pop() !== tag >>> 3) throw malformed('a group ends that did not start');
      } else this.#skipValue(type);
    }
  }

  /** A tag or a length: a varint of 32 bits, in at most five bytes. */
  #short(): number {
    const start = this.pos;
    this.varint();
    if (this.hi !== 0 || this.pos - start > 5) throw malformed('a tag or a length is too large');
    return this.lo >>> 0;
  }

  #take(count: number): number {
    const start = this.pos;
    if (count > this.end - start) throw truncated();
    this.pos = start + count;
    return start;
  }
}

function truncated(): GatewayError {
  return malformed('it ends in the middle of a field');
}

function tooCostly(): GatewayError {
  const message = `the request has too many fields or elements that are encoded one by one, more than ${MAX_COST / FIELD_COST} or ${MAX_COST}: send tensors in raw_input_contents, or tensor_content`;
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' });
}
