import { type ElementCodec, elementCodec, type TypedArray } from './datatype.js';
import { quoted } from './describe.js';
import { SluiceClientError } from './error.js';
import { type JsonTensor, numbersToJson, textsToJson } from './json-safe.js';

/**
 * One output of a prediction. `datatype`, `shape` and `data` are plain and survive JSON.stringify; the exact elements
 * stay at hand through methods.
 */
export class OutputTensor<Data = JsonTensor> {
  readonly datatype: string;
  readonly shape: readonly number[];
  /** Nested lists as deep as the shape is long; see json-safe for int64 beyond 2^53, NaN and infinities. */
  readonly data: Data;
  readonly #bytes: Uint8Array;

  private constructor(datatype: string, shape: readonly number[], data: JsonTensor, bytes: Uint8Array) {
    this.datatype = datatype;
    this.shape = shape;
    // What a caller declares of a model's outputs is its own promise: the wire cannot know TypeScript types.
    this.data = data as Data;
    this.#bytes = bytes;
  }

  /**
   * Reads a tensor from raw contents. Throws SluiceClientError INTERNAL when the bytes do not fit the shape: a server
   * that is at fault, or not speaking this protocol.
   */
  static decode(name: string, datatype: string, shape: readonly number[], bytes: Uint8Array): OutputTensor {
    const count = countOf(name, shape);
    const codec = elementCodec(datatype);
    if (codec === undefined) {
      if (datatype !== 'BYTES')
        throw broken(name, `its datatype ${quoted(datatype)} is not known to this client`);
      const elements = splitBytes(bytes, count);
      if (elements === undefined) throw broken(name, `its bytes are not ${count} length-prefixed elements`);
      return new OutputTensor(datatype, shape, textsToJson(shape, elements), bytes);
    }
    if (bytes.length !== count * codec.size) {
      const wanted = `shape [${shape.join(', ')}] of ${datatype} wants ${count * codec.size}`;
      throw broken(name, `it has ${bytes.length} bytes, ${wanted}`);
    }
    return new OutputTensor(datatype, shape, numbersToJson(codec, shape, bytes), bytes);
  }

  /**
   * The elements in row-major order and without loss, in an array of the caller's own: BigInt64Array for INT64,
   * Float32Array for FP32, FP16 and BF16, Uint8Array for BOOL. Throws for BYTES: see `elements`.
   */
  typed(): TypedArray {
    const codec: ElementCodec | undefined = elementCodec(this.datatype);
    if (codec === undefined) throw new TypeError('A BYTES tensor has no typed array: call elements().');
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    const array = codec.array(this.#bytes.length / codec.size);
    for (let i = 0; i < array.length; i++) array[i] = codec.read(view, i * codec.size) as never;
    return array;
  }

  /** The elements of a BYTES tensor in row-major order, as bytes. Throws for every other datatype. */
  elements(): Uint8Array[] {
    if (this.datatype !== 'BYTES')
      throw new TypeError(`A ${this.datatype} tensor has no byte strings: call typed().`);
    return splitBytes(this.#bytes, Number.POSITIVE_INFINITY) ?? [];
  }

  /** The raw contents as received: little-endian, and for BYTES with a 4-byte length before each element. */
  bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** Nesting a tensor without elements costs its outer dimensions: a bound on what a hostile shape can ask for. */
const MAX_EMPTY_LISTS = 1_000_000;
const MAX_RANK = 32;

function countOf(name: string, shape: readonly number[]): number {
  if (shape.length > MAX_RANK) throw broken(name, `it has ${shape.length} dimensions`);
  let count = 1;
  let outer = 1;
  for (const [index, dim] of shape.entries()) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw broken(name, `its shape is [${shape.join(', ')}]`);
    count *= dim;
    if (index < shape.length - 1) outer *= dim;
  }
  if (count === 0 && outer > MAX_EMPTY_LISTS) throw broken(name, `its shape is [${shape.join(', ')}]`);
  return count;
}

/** Splits raw BYTES contents. Undefined when they are cut short or are not `count` elements (Infinity: any number). */
function splitBytes(bytes: Uint8Array, count: number): Uint8Array[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + view.getUint32(offset, true);
    if (end > bytes.length) return undefined;
    elements.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return count === elements.length || count === Number.POSITIVE_INFINITY ? elements : undefined;
}

function broken(name: string, problem: string): SluiceClientError {
  return new SluiceClientError('INTERNAL', `Cannot read output ${quoted(name)} of the answer: ${problem}`);
}
