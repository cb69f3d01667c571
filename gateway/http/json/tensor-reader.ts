import { DATATYPE_BYTES, type Datatype } from '../../core/datatype.js';
import { GatewayError, quote } from '../../core/error.js';
import { ByteWriter } from './byte-writer.js';
import type { JsonReader } from './reader.js';

/** More dimensions than any model has. */
const MAX_RANK = 64;

export interface TensorReaderOptions {
  readonly datatype: Datatype;
  /** What is read, for messages: `inputs[0].data`. */
  readonly where: string;
  /** How many elements there should be, for the size of the first buffer. @default not known */
  readonly expected?: number;
  /** Whether INT64 and UINT64 are taken as texts of digits, too. @default false */
  readonly int64Strings?: boolean;
  /** Whether BYTES elements may be `{"b64": "…"}`, for bytes that are no text. @default false */
  readonly base64?: boolean;
}

/** Least and largest value of the datatypes of whole numbers up to 32 bits. */
const WHOLE: Readonly<Partial<Record<Datatype, readonly [min: number, max: number]>>> = {
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  UINT8: [0, 2 ** 8 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  UINT16: [0, 2 ** 16 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT32: [0, 2 ** 32 - 1],
};
const BIG: Readonly<Partial<Record<Datatype, readonly [min: bigint, max: bigint]>>> = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
};
/** From here on a number is nearer to infinity than to the largest of its datatype. */
const TOO_LARGE: Readonly<Partial<Record<Datatype, number>>> = {
  FP16: 65_520,
  FP32: 2 ** 128 - 2 ** 103,
  FP64: Infinity,
};

/**
 * Turns JSON lists, nested or flat, into the bytes of a tensor, element by element as they are read. Every list of a level must be
 * as long as the first of it. `read` may be called again: what it reads goes behind what came before. Refuses with INVALID_ARGUMENT,
 * and the element's index: ragged lists, values of another kind, numbers that the datatype does not hold.
 */
export class TensorReader {
  readonly #options: TensorReaderOptions;
  readonly #bytes: ByteWriter;
  readonly #whole: readonly [number, number] | undefined;
  readonly #size: number;
  readonly #tooLarge: number;
  /** Length of the lists at each level, -1 for not known yet. */
  #shape: number[] = [];
  /** The level of the elements; -1 while none was seen. */
  #rank = -1;
  readonly #index: number[] = [];

  constructor(options: TensorReaderOptions) {
    const { datatype, expected = 0 } = options;
    if (datatype === 'BF16')
      throw new GatewayError('INVALID_ARGUMENT', `${options.where}: BF16 can be sent as binary data only`, {
        reason: 'bad_request',
        field: options.where,
      });
    this.#options = options;
    this.#size = DATATYPE_BYTES[datatype];
    this.#bytes = new ByteWriter(expected * this.#size);
    this.#whole = WHOLE[datatype];
    this.#tooLarge = TOO_LARGE[datatype] ?? 0;
  }

  /** Reads the value that stands next; returns the shape that its lists have: `[]` for a single element. */
  read(reader: JsonReader): number[] {
    this.#shape = [];
    this.#rank = -1;
    this.#read(reader, 0);
    return this.#shape;
  }

  /** The bytes of all that was read: a view. */
  finish(): Uint8Array {
    return this.#bytes.finish();
  }

  #read(reader: JsonReader, level: number): void {
    if (reader.peek() !== 'array') {
      this.#element(reader, level);
      return;
    }
    if (this.#rank >= 0 && level >= this.#rank) throw this.#fault(reader, 'is a list', this.#wanted());
    if (level >= MAX_RANK) throw this.#fault(reader, 'is a list', `at most ${MAX_RANK} levels of them`);
    const at = reader.at;
    reader.beginArray();
    let count = 0;
    for (; reader.element(); count++) {
      this.#index[level] = count;
      if (level === this.#rank - 1) this.#element(reader, level + 1);
      else this.#read(reader, level + 1);
    }
    this.#index.length = level;
    const first = this.#shape[level];
    if (first === undefined) {
      // Lists within it are finished first: their lengths stand already.
      while (this.#shape.length < level) this.#shape.push(-1);
      this.#shape[level] = count;
    } else if (first === -1) this.#shape[level] = count;
    else if (first !== count)
      throw this.#fault(reader, `has ${count} elements`, `${first}, as the lists beside it have`, at);
  }

  #element(reader: JsonReader, level: number): void {
    if (this.#rank < 0) {
      // A list without elements was at this level.
      if (this.#shape[level] !== undefined)
        throw this.#fault(reader, `is ${this.#given(reader)}`, 'a list, as those beside it are');
      this.#rank = level;
    } else if (level !== this.#rank)
      throw this.#fault(reader, `is ${this.#given(reader)}`, 'a list, as those beside it are');
    const whole = this.#whole;
    if (whole !== undefined) {
      const value = this.#number(reader);
      if (!(value >= whole[0] && value <= whole[1])) throw this.#outOfRange(reader);
      if (!Number.isInteger(value)) throw this.#fraction(reader);
      this.#bytes.int(value, this.#size);
    } else this.#other(reader);
  }

  #other(reader: JsonReader): void {
    switch (this.#options.datatype) {
      case 'FP32':
        this.#bytes.float32(this.#float(reader));
        return;
      case 'FP64':
        this.#bytes.float64(this.#float(reader));
        return;
      case 'FP16':
        this.#bytes.float16(this.#float(reader));
        return;
      case 'BOOL':
        this.#bytes.int(this.#bool(reader), 1);
        return;
      case 'BYTES':
        this.#text(reader);
        return;
      default:
        this.#big(reader);
    }
  }

  #number(reader: JsonReader): number {
    if (reader.peek() !== 'number') throw this.#fault(reader, `is ${this.#given(reader)}`, this.#wanted());
    return reader.number();
  }

  #float(reader: JsonReader): number {
    const value = this.#number(reader);
    // The tokens are meant; a number that is too large is not.
    if (Math.abs(value) >= this.#tooLarge && Number.isFinite(value)) throw this.#outOfRange(reader);
    return value;
  }

  #bool(reader: JsonReader): 0 | 1 {
    const kind = reader.peek();
    if (kind === 'true' || kind === 'false') return reader.boolean() ? 1 : 0;
    if (kind === 'number') {
      const value = reader.number();
      if (value === 0 || value === 1) return value;
      throw this.#outOfRange(reader);
    }
    throw this.#fault(reader, `is ${this.#given(reader)}`, this.#wanted());
  }

  #big(reader: JsonReader): void {
    const [min, max] = BIG[this.#options.datatype] as readonly [bigint, bigint];
    if (reader.peek() === 'string' && this.#options.int64Strings === true) {
      const at = reader.at;
      const text = reader.string();
      if (!/^-?\d{1,20}$/.test(text)) throw this.#fault(reader, `is ${quote(text, 40)}`, 'digits', at);
      this.#putBig(reader, BigInt(text), min, max);
      return;
    }
    const value = this.#number(reader);
    if (Number.isSafeInteger(value)) {
      if (value < min) throw this.#outOfRange(reader);
      this.#bytes.int64(value);
      return;
    }
    if (!Number.isFinite(value)) throw this.#outOfRange(reader);
    if (!reader.whole && !Number.isInteger(value)) throw this.#fraction(reader);
    // Beyond 2^53 the double is not the number that was written.
    const digits = reader.text.slice(reader.numberAt, reader.at);
    if (reader.whole && digits.length > 40) throw this.#outOfRange(reader);
    this.#putBig(reader, BigInt(reader.whole ? digits : value), min, max);
  }

  #putBig(reader: JsonReader, value: bigint, min: bigint, max: bigint): void {
    if (value < min || value > max) throw this.#outOfRange(reader);
    this.#bytes.bigint64(value);
  }

  #text(reader: JsonReader): void {
    const kind = reader.peek();
    if (kind === 'string') {
      this.#bytes.text(reader.string(), 'utf8');
      return;
    }
    if (kind !== 'object' || this.#options.base64 !== true)
      throw this.#fault(reader, `is ${this.#given(reader)}`, this.#wanted());
    const at = reader.at;
    const wanted = 'an object with "b64" alone, and base64 in it';
    reader.beginObject();
    if (reader.key() !== 'b64' || reader.peek() !== 'string')
      throw this.#fault(reader, 'is another object', wanted, at);
    const text = reader.string();
    if (!isBase64(text)) throw this.#fault(reader, 'is no base64', wanted, at);
    if (reader.key() !== undefined) throw this.#fault(reader, 'has more than "b64"', wanted, at);
    this.#bytes.text(text, 'base64');
  }

  #wanted(): string {
    const { datatype } = this.#options;
    if (datatype === 'BYTES') return this.#options.base64 === true ? 'a text or {"b64": …}' : 'a text';
    if (datatype === 'BOOL') return 'true or false';
    return `a number of ${datatype}`;
  }

  #given(reader: JsonReader): string {
    const kind = reader.peek();
    if (kind === 'string') return 'a text';
    if (kind === 'array') return 'a list';
    return kind === 'object' ? 'an object' : kind === 'number' ? 'a number' : kind;
  }

  #outOfRange(reader: JsonReader): GatewayError {
    const { datatype } = this.#options;
    const [min, max] = WHOLE[datatype] ?? BIG[datatype] ?? [];
    const range =
      datatype === 'BOOL'
        ? 'true, false, 1 or 0'
        : min === undefined
          ? `less than ${this.#tooLarge}`
          : `${min} to ${max}`;
    return this.#fault(
      reader,
      `is ${this.#digits(reader)}`,
      `a number of ${datatype}: ${range}`,
      reader.numberAt,
    );
  }

  #fraction(reader: JsonReader): GatewayError {
    const { datatype } = this.#options;
    return this.#fault(
      reader,
      `is ${this.#digits(reader)}`,
      `a whole number, of ${datatype}`,
      reader.numberAt,
    );
  }

  #digits(reader: JsonReader): string {
    return quote(reader.text.slice(reader.numberAt, reader.at), 40).slice(1, -1);
  }

  #fault(reader: JsonReader, problem: string, wanted: string, at = reader.at): GatewayError {
    const index = this.#index.map((i) => `[${i}]`).join('');
    const { where } = this.#options;
    const message = `${where}${index} ${problem}, wanted ${wanted} (${reader.place(at)})`;
    return new GatewayError('INVALID_ARGUMENT', message, {
      reason: 'bad_request',
      field: `${where}${index}`,
    });
  }
}

/** With its padding or without; of either alphabet. Node leaves out what it does not know, and would make bytes of anything. */
function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/.test(text) && text.replace(/=+$/, '').length % 4 !== 1;
}
