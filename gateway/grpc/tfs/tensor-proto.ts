import { DATATYPE_BYTES, type Datatype } from '../../core/datatype.js';
import { GatewayError } from '../../core/error.js';
import type { Signature, TensorSpec } from '../../core/model.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { datatypeOf } from '../../core/tfs/datatype-names.js';
import { bare } from '../../core/tfs/model-spec.js';
import { ByteSink } from '../byte-sink.js';
import { fixedPacked, narrow, widenOne } from '../tensor-contents.js';
import { widenPacked } from '../widen-varints.js';
import type { WireReader } from '../wire-reader.js';
import { type FillBudget, fillUp } from './fill-up.js';
import { stringsOfContent } from './string-content.js';

/** More dimensions than any model has; TensorFlow has 254 at most. */
const MAX_RANK = 64;
/** What a dimension, or an occurrence of a list, costs beyond its tag: see `WireReader.spend`. */
const PIECE_COST = 8;
const LAST_FIELD = 18;

/** How the elements of a list lie on the wire, by the list's field: `fixed` bytes, a `varint` widened to so many, or `bytes`. */
const LISTS: Readonly<
  Record<number, { readonly kind: 'fixed' | 'varint' | 'bytes'; readonly width: number }>
> = {
  5: { kind: 'fixed', width: 4 },
  6: { kind: 'fixed', width: 8 },
  7: { kind: 'varint', width: 4 },
  8: { kind: 'bytes', width: 0 },
  9: { kind: 'fixed', width: 4 },
  10: { kind: 'varint', width: 8 },
  11: { kind: 'varint', width: 1 },
  12: { kind: 'fixed', width: 8 },
  13: { kind: 'varint', width: 4 },
  16: { kind: 'varint', width: 4 },
  17: { kind: 'varint', width: 8 },
};

/** The list that carries each datatype. */
const LIST_OF: Readonly<Record<Datatype, number>> = {
  FP32: 5,
  FP64: 6,
  INT8: 7,
  UINT8: 7,
  INT16: 7,
  UINT16: 7,
  INT32: 7,
  BYTES: 8,
  INT64: 10,
  BOOL: 11,
  FP16: 13,
  BF16: 13,
  UINT32: 16,
  UINT64: 17,
};

/**
 * A TensorProto as it stands in the message (proto/tensorflow/core/framework/tensor.proto). Its elements become a Tensor's only
 * in `finish`, when the signature is known: a value that stands for a whole shape is to be written out for a shape that can be meant.
 */
export class TensorProto {
  readonly shape: number[] = [];
  #dtype = 0;
  #fault = '';
  #content: Uint8Array | undefined;
  readonly #lists: (ByteSink | undefined)[] = [];
  /** Elements in string_val, and where the last of them begins. */
  #strings = 0;
  #lastString = 0;

  /** Undefined where it has none that is served. */
  get datatype(): Datatype | undefined {
    return datatypeOf(this.#dtype);
  }

  /** Reads one occurrence of the message, up to the reader's end. A later one is merged in, as protobuf does it. */
  read(reader: WireReader): void {
    while (reader.more) {
      const tag = reader.tag();
      switch (tag) {
        case 0x08:
          reader.varint();
          this.#dtype = reader.lo;
          break;
        case 0x12:
          this.#readShape(reader);
          break;
        case 0x18:
          reader.varint();
          break;
        case 0x22:
          this.#content = reader.bytes();
          break;
        case 0x72:
        case 0x7a:
          reader.bytes();
          this.#fault ||= 'resources and variants are not served';
          break;
        case 0x92:
          reader.bytes();
          break;
        default:
          this.#readList(reader, tag);
      }
    }
  }

  #readList(reader: WireReader, tag: number): void {
    const field = tag >>> 3;
    const type = tag & 7;
    const list = LISTS[field];
    if (list === undefined) {
      reader.skipUnknown(tag, LAST_FIELD);
      return;
    }
    reader.spend(PIECE_COST);
    let sink = this.#lists[field];
    if (sink === undefined) {
      sink = new ByteSink();
      this.#lists[field] = sink;
    }
    const { kind, width } = list;
    if (kind === 'bytes' && type === 2) this.#addString(reader.bytes(), sink);
    else if (kind === 'varint' && type === 2) sink.add(widenPacked(reader, width));
    else if (kind === 'varint' && type === 0) widenOne(reader, width, sink);
    else if (kind === 'fixed' && type === 2) sink.add(fixedPacked(reader, width));
    else if (kind === 'fixed' && type === (width === 4 ? 5 : 1)) sink.add(reader.fixed(width));
    else reader.skipUnknown(tag, LAST_FIELD);
  }

  #addString(bytes: Uint8Array, sink: ByteSink): void {
    this.#lastString = this.#strings === 0 ? 0 : sink.finish().length;
    this.#strings++;
    sink.addPrefixed(bytes);
  }

  #readShape(reader: WireReader): void {
    const outer = reader.enter();
    while (reader.more) {
      const tag = reader.tag();
      if (tag === 0x12) this.#readDim(reader);
      else if (tag === 0x18) {
        if (reader.bool()) this.#fault ||= 'its rank is unknown';
      } else reader.skipUnknown(tag, 3);
    }
    reader.leave(outer);
  }

  /** What is no dimension is told later, since the rest of the message may be broken too. */
  #readDim(reader: WireReader): void {
    reader.spend(PIECE_COST);
    const outer = reader.enter();
    let lo = 0;
    let hi = 0;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === 0x08) {
        reader.varint();
        ({ lo, hi } = reader);
      } else if (tag === 0x12) reader.string();
      else reader.skipUnknown(tag, 2);
    }
    reader.leave(outer);
    const at = this.shape.length;
    if (at >= MAX_RANK) this.#fault ||= `it has more than ${MAX_RANK} dimensions`;
    else if (hi >>> 0 < 0x200000) this.shape.push(hi * 0x100000000 + (lo >>> 0));
    else this.#fault ||= `its dimension ${at} is no number from 0 to ${Number.MAX_SAFE_INTEGER}`;
  }

  /**
   * The tensor of this name. Where elements are to be filled up and the shape is not one that the signature takes, it has no data:
   * the shape is refused by whoever looks at it. Throws INVALID_ARGUMENT, in TensorFlow Serving's words and with what is wrong.
   */
  finish(name: string, signature: Signature, budget: FillBudget): Tensor {
    const { datatype, shape } = this;
    if (this.#fault !== '') throw parsingError(name, this.#fault);
    if (datatype === undefined) throw parsingError(name, `its dtype ${this.#dtype} is not served`);
    const count = elementCount(shape);
    if (this.#content !== undefined && this.#content.length > 0) {
      const data = datatype === 'BYTES' ? this.#contentStrings(name, count) : this.#content;
      if (datatype !== 'BYTES' && data.length !== count * DATATYPE_BYTES[datatype])
        throw parsingError(
          name,
          `tensor_content has ${data.length} bytes, wanted ${count * DATATYPE_BYTES[datatype]} for its shape and dtype`,
        );
      return { name, datatype, shape, data };
    }
    const given = this.#listed(name, datatype);
    const have = datatype === 'BYTES' ? this.#strings : given.length / DATATYPE_BYTES[datatype];
    if (have === count) return { name, datatype, shape, data: given };
    if (have > count)
      throw parsingError(name, `it has ${have} values, wanted at most ${count} for its shape`);
    if (!Number.isSafeInteger(count) || !fits(shape, signature, name))
      return { name, datatype, shape, data: new Uint8Array(0) };
    const last = datatype === 'BYTES' ? given.subarray(this.#lastString) : undefined;
    const data = fillUp(given, datatype, count - have, last, budget);
    if (data === undefined)
      throw parsingError(name, 'its values, filled up to its shape, are more than a message may have');
    return { name, datatype, shape, data };
  }

  #contentStrings(name: string, count: number): Uint8Array {
    const strings = stringsOfContent(this.#content as Uint8Array, count);
    if (strings === undefined) throw parsingError(name, `tensor_content does not hold ${count} texts`);
    return strings;
  }

  /** The elements of the datatype's own list; another one with elements is what was meant for another datatype. */
  #listed(name: string, datatype: Datatype): Uint8Array {
    const own = LIST_OF[datatype];
    for (const [field, sink] of this.#lists.entries())
      if (sink !== undefined && field !== own && sink.finish().length > 0)
        throw parsingError(name, `its values are in field ${field}, wanted field ${own} for its dtype`);
    const bytes = this.#lists[own]?.finish() ?? new Uint8Array(0);
    if (own === 13) return lowHalves(bytes);
    return own === 7 && datatype !== 'INT32' ? narrow(bytes, datatype, name) : bytes;
  }
}

/** The lower 16 bits of each 32: what half_val means. */
function lowHalves(wide: Uint8Array): Uint8Array {
  const result = new Uint8Array(wide.length / 2);
  for (let i = 0; i < result.length; i++) result[i] = wide[(i >> 1) * 4 + (i & 1)] as number;
  return result;
}

/** Whether a shape is one that the input of this name may have, in as many rows as the model takes. */
function fits(
  shape: readonly number[],
  { inputs, batchable, maxBatchSize }: Signature,
  name: string,
): boolean {
  const spec: TensorSpec | undefined = inputs.find((input) => input.name === name);
  if (spec === undefined || spec.shape.length !== shape.length) return false;
  if (batchable && (shape[0] as number) > maxBatchSize) return false;
  return shape.every((dim, at) => spec.shape[at] === -1 || spec.shape[at] === dim);
}

/** Begins with TensorFlow Serving's words, which are all that it says. */
function parsingError(name: string, why: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', `tensor parsing error: ${bare(name)}: ${why}`, {
    reason: 'bad_request',
    field: 'inputs',
  });
}
