import { isUtf8 } from 'node:buffer';
import type { Datatype } from '../../core/datatype.js';
import { GatewayError, quote } from '../../core/error.js';
import { float16Value } from '../../core/half.js';
import type { Tensor } from '../../core/tensor.js';
import { shortFloat16, shortFloat32 } from './number-text.js';

/** How what JSON has no number for is written. */
export interface NumberStyle {
  /** NaN and the infinities: `null`, and the answer says so, or the tokens that are no JSON. */
  readonly nonFinite: 'null' | 'tokens';
  /** INT64 and UINT64 beyond 2^53 as texts, for readers whose numbers are doubles. */
  readonly int64Strings: boolean;
}

/** A tensor's elements as JSON texts. */
export interface ElementTexts {
  readonly texts: readonly string[];
  /** How many are `null` because they are not finite. */
  readonly nonFinite: number;
}

type ReadElement = (view: DataView, at: number) => number | bigint | boolean;

const bits32 = new DataView(new ArrayBuffer(4));

/** Bytes of an element, and its value; floats as the double that has their shortest text. */
const READERS: Readonly<
  Record<Exclude<Datatype, 'BYTES'>, { readonly size: number; readonly read: ReadElement }>
> = {
  BOOL: { size: 1, read: (view, at) => view.getUint8(at) !== 0 },
  INT8: { size: 1, read: (view, at) => view.getInt8(at) },
  UINT8: { size: 1, read: (view, at) => view.getUint8(at) },
  INT16: { size: 2, read: (view, at) => view.getInt16(at, true) },
  UINT16: { size: 2, read: (view, at) => view.getUint16(at, true) },
  INT32: { size: 4, read: (view, at) => view.getInt32(at, true) },
  UINT32: { size: 4, read: (view, at) => view.getUint32(at, true) },
  INT64: { size: 8, read: (view, at) => view.getBigInt64(at, true) },
  UINT64: { size: 8, read: (view, at) => view.getBigUint64(at, true) },
  FP16: { size: 2, read: (view, at) => shortFloat16(float16Value(view.getUint16(at, true))) },
  // The upper half of an FP32.
  BF16: {
    size: 2,
    read: (view, at) => {
      bits32.setUint16(2, view.getUint16(at, true), true);
      return shortFloat32(bits32.getFloat32(0, true));
    },
  },
  FP32: { size: 4, read: (view, at) => shortFloat32(view.getFloat32(at, true)) },
  FP64: { size: 8, read: (view, at) => view.getFloat64(at, true) },
};

/** Each element of a tensor as JSON, in row-major order. Throws INVALID_ARGUMENT for a string that is not UTF-8: only binary data can carry it. */
export function elementTexts(tensor: Tensor, style: NumberStyle): ElementTexts {
  const { datatype, data } = tensor;
  if (datatype === 'BYTES') return { texts: stringTexts(tensor), nonFinite: 0 };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const { size, read } = READERS[datatype];
  const count = Math.floor(data.byteLength / size);
  const texts = new Array<string>(count);
  let nonFinite = 0;
  for (let index = 0; index < count; index++) {
    const value = read(view, index * size);
    if (typeof value === 'bigint') texts[index] = bigText(value, style);
    else if (typeof value === 'boolean') texts[index] = String(value);
    else if (Number.isFinite(value)) texts[index] = Object.is(value, -0) ? '-0' : String(value);
    else if (style.nonFinite === 'tokens') texts[index] = String(value);
    else {
      texts[index] = 'null';
      nonFinite++;
    }
  }
  return { texts, nonFinite };
}

function bigText(value: bigint, { int64Strings }: NumberStyle): string {
  const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return int64Strings && !safe ? `"${value}"` : String(value);
}

/** The elements of a BYTES tensor, each behind its length. */
function stringTexts({ name, data }: Tensor): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const texts: string[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    const element = bytes.subarray(at + 4, end);
    if (!isUtf8(element))
      throw new GatewayError(
        'INVALID_ARGUMENT',
        `output ${quote(name)} has an element ${texts.length} that is not UTF-8: JSON cannot carry it, ask for it as binary data`,
        { reason: 'bad_request', field: 'outputs' },
      );
    texts.push(JSON.stringify(element.toString('utf8')));
    at = end;
  }
  return texts;
}
