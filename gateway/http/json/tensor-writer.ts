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

const scratch = new DataView(new ArrayBuffer(8));

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
    else if (typeof value === 'boolean' || Number.isFinite(value)) texts[index] = numberText(value);
    else if (style.nonFinite === 'tokens') texts[index] = String(value);
    else {
      texts[index] = 'null';
      nonFinite++;
    }
  }
  return { texts, nonFinite };
}
