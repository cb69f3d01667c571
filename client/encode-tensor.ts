import { endianness } from 'node:os';
import { type ElementCodec, elementCodec } from './datatype.js';
import { describe, quoted } from './describe.js';
import { SluiceClientError } from './error.js';
import { isList, isShaped, type TensorInput } from './tensor-input.js';

/** A tensor as raw_input_contents carries it. */
export interface EncodedTensor {
  readonly datatype: string;
  readonly shape: readonly number[];
  /** Little-endian elements in row-major order; for BYTES, each with a 4-byte length before it. */
  readonly data: Uint8Array;
}

/** More dimensions than any model has; also what stops a list that contains itself. */
const MAX_RANK = 32;

/** Raw contents are little-endian, so only there may a typed array be sent as it lies in memory. */
const LITTLE_ENDIAN = endianness() === 'LE';

/**
 * Turns the values of input `name` into bytes. The bytes may be a view on a typed array that was given.
 * Throws SluiceClientError INVALID_ARGUMENT, which names the input, the index, what was given and what is wanted.
 */
export function encodeTensor(name: string, datatype: string, input: TensorInput): EncodedTensor {
  const codec = elementCodec(datatype);
  if (codec === undefined && datatype !== 'BYTES') {
    throw refuse(name, `datatype ${quoted(datatype)} is not known to this client`);
  }
  const walk = new Walk(name, datatype, input);
  const data = codec === undefined ? encodeBytes(walk) : encodeElements(walk, codec);
  return { datatype, shape: walk.shape, data };
}

/** Visits the values of one input in row-major order, and knows where it is. */
class Walk {
  readonly shape: readonly number[];
  readonly count: number;
  readonly #name: string;
  readonly #datatype: string;
  readonly #root: unknown;
  /** Dimensions of the nesting of `#root`: the shape, or one list of everything where the shape was given. */
  readonly #nesting: readonly number[];
  readonly #path: number[] = [];

  constructor(name: string, datatype: string, input: TensorInput) {
    this.#name = name;
    this.#datatype = datatype;
    if (isShaped(input)) {
      this.shape = [...input.shape];
      this.count = this.#countOf(this.shape);
      this.#root = input.data;
      if (!isList(input.data, datatype)) throw refuse(name, `data is ${describe(input.data)}, wanted a list`);
      if (input.data.length !== this.count) {
        const wanted = `shape [${this.shape.join(', ')}] wants ${this.count}`;
        throw refuse(name, `data has ${input.data.length} elements, ${wanted}`);
      }
      this.#nesting = [this.count];
    } else {
      this.#root = input;
      this.shape = this.#infer(input);
      this.count = this.#countOf(this.shape);
      this.#nesting = this.shape;
    }
  }

  /** The typed array that holds all values, when the input is one. */
  get flat(): unknown {
    return this.#root;
  }

  /** Calls `leaf` for each value; a text that it returns says what is wrong with the value. */
  each(leaf: (value: unknown) => string | undefined): void {
    this.#visit(this.#root, 0, leaf);
  }

  #visit(value: unknown, depth: number, leaf: (value: unknown) => string | undefined): void {
    if (depth === this.#nesting.length) {
      const list = isList(value, this.#datatype);
      const problem = list ? 'wanted a single value: the lists before it are less deep' : leaf(value);
      if (problem === undefined) return;
      const where = depth === 0 ? 'the value' : `element ${this.#where(depth)}`;
      throw refuse(this.#name, `${where} is ${describe(value)}; ${problem} (${this.#datatype})`);
    }
    const wanted = this.#nesting[depth] as number;
    if (!isList(value, this.#datatype)) {
      throw refuse(
        this.#name,
        `element ${this.#where(depth)} is ${describe(value)}; wanted a list of ${wanted}, as its neighbours are`,
      );
    }
    if (value.length !== wanted) {
      const ragged = `${this.#where(depth)} has ${value.length} elements, the first list at its depth has ${wanted}`;
      throw refuse(this.#name, `the lists are ragged: ${ragged}`);
    }
    for (let i = 0; i < wanted; i++) {
      this.#path[depth] = i;
      this.#visit(value[i], depth + 1, leaf);
    }
  }

  #where(depth: number): string {
    return this.#path
      .slice(0, depth)
      .map((index) => `[${index}]`)
      .join('');
  }

  /** The lengths of the first list at each depth; whether the others agree shows when they are visited. */
  #infer(input: unknown): number[] {
    const shape: number[] = [];
    let value = input;
    while (isList(value, this.#datatype)) {
      if (shape.length === MAX_RANK) throw refuse(this.#name, `lists are nested deeper than ${MAX_RANK}`);
      shape.push(value.length);
      if (value.length === 0) break;
      value = value[0];
    }
    return shape;
  }

  #countOf(shape: readonly number[]): number {
    let count = 1;
    for (const dim of shape) {
      if (!Number.isSafeInteger(dim) || dim < 0) {
        throw refuse(this.#name, `shape [${shape.join(', ')}] has ${describe(dim)}; wanted integers from 0`);
      }
      count *= dim;
    }
    if (shape.length > MAX_RANK) throw refuse(this.#name, `shape has more than ${MAX_RANK} dimensions`);
    return count;
  }
}

function encodeElements(walk: Walk, codec: ElementCodec): Uint8Array {
  const { flat } = walk;
  if (LITTLE_ENDIAN && ArrayBuffer.isView(flat) && isExactly(flat, codec)) {
    return new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength);
  }
  const bytes = new Uint8Array(walk.count * codec.size);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  walk.each((value) => {
    const problem = codec.write(view, offset, value);
    offset += codec.size;
    return problem;
  });
  return bytes;
}

/** Whether the typed array is the datatype's own kind. Not so for BOOL, whose values must be checked, and 16-bit floats. */
function isExactly(given: ArrayBufferView, codec: ElementCodec): boolean {
  const own = codec.array(0);
  return own.BYTES_PER_ELEMENT === codec.size && own.constructor === given.constructor && !codec.checked;
}

function encodeBytes(walk: Walk): Uint8Array {
  const parts: Uint8Array[] = [];
  walk.each((value) => {
    let element: Uint8Array;
    if (typeof value === 'string') {
      if (!value.isWellFormed())
        return 'wanted text that is valid Unicode, this has half of a surrogate pair';
      element = Buffer.from(value, 'utf8');
    } else if (value instanceof Uint8Array) element = value;
    else return 'wanted text or a Uint8Array';
    const length = Buffer.alloc(4);
    length.writeUInt32LE(element.length);
    parts.push(length, element);
    return undefined;
  });
  return Buffer.concat(parts);
}

function refuse(name: string, problem: string): SluiceClientError {
  return new SluiceClientError('INVALID_ARGUMENT', `Cannot send input ${quoted(name)}: ${problem}`);
}
