import { isRecord, type Scalar, type Value } from './value.js';

/** Least and largest whole number of each integer datatype. */
const WHOLE: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = {
  INT8: [-(2n ** 7n), 2n ** 7n - 1n],
  UINT8: [0n, 2n ** 8n - 1n],
  INT16: [-(2n ** 15n), 2n ** 15n - 1n],
  UINT16: [0n, 2n ** 16n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  UINT32: [0n, 2n ** 32n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
};
/** From here on a number is nearer to infinity than to the largest of its datatype. */
const TOO_LARGE: Readonly<Record<string, number>> = {
  FP16: 65_520,
  FP32: 2 ** 128 - 2 ** 103,
  FP64: Number.POSITIVE_INFINITY,
};
/** What Python, pandas and R write for what is no number, in lower case. */
const FLOAT_WORDS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  na: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  '+infinity': Number.POSITIVE_INFINITY,
  '-infinity': Number.NEGATIVE_INFINITY,
};
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Digits of a number that are worth a look: all else is out of every range, and BigInt takes long. */
const MAX_DIGITS = 40;

/** A cell that its column cannot have: what is wanted in place of it, to follow the word "wanted". */
export interface Unfit {
  readonly wanted: string;
}

/** Whether a cell was refused. */
export function isUnfit(cell: Scalar | Unfit): cell is Unfit {
  return typeof cell === 'object' && 'wanted' in cell;
}

/**
 * A value of JSON as an element of this datatype (an Open Inference Protocol name). Text is no number and a number no text; `null` is
 * the missing value of floats, NaN, as pandas writes it; BYTES are text, or `{"b64": "…"}`.
 */
export function cellFrom(datatype: string, value: Value): Scalar | Unfit {
  if (datatype === 'BYTES') return bytesFrom(value);
  if (datatype === 'BOOL') {
    if (typeof value === 'boolean') return value;
    return value === 0 || value === 1 ? value === 1 : { wanted: 'true or false' };
  }
  const range = WHOLE[datatype];
  if (range !== undefined) return wholeFrom(datatype, range, value);
  if (value === null) return Number.NaN;
  if (typeof value !== 'number' && typeof value !== 'bigint') return { wanted: `a number (${datatype})` };
  return floatFrom(datatype, Number(value));
}

/** The same of a cell of a CSV file: text that is to be read. An empty one is the missing value of floats, and the empty text. */
export function cellFromText(datatype: string, text: string): Scalar | Unfit {
  if (datatype === 'BYTES') return text;
  const bare = text.trim();
  if (datatype === 'BOOL') {
    const word = bare.toLowerCase();
    if (word === 'true' || word === '1') return true;
    return word === 'false' || word === '0' ? false : { wanted: 'true or false' };
  }
  const range = WHOLE[datatype];
  if (range !== undefined) {
    // Data frames write the whole numbers of a column with missing values as 3.0.
    const digits = /^([+-]?\d{1,40})(?:\.0*)?$/.exec(bare)?.[1];
    return wholeFrom(datatype, range, digits === undefined ? bare : BigInt(digits.replace(/^\+/, '')));
  }
  if (bare === '') return Number.NaN;
  if (!NUMBER.test(bare)) {
    const word = bare.toLowerCase();
    return Object.hasOwn(FLOAT_WORDS, word)
      ? (FLOAT_WORDS[word] as number)
      : { wanted: `a number (${datatype})` };
  }
  const value = Number(bare);
  return Number.isFinite(value) ? floatFrom(datatype, value) : { wanted: `a number of ${datatype}` };
}

/** Whether text is a number at all: what tells a row of a CSV file from its header. */
export function isNumberText(text: string): boolean {
  return NUMBER.test(text.trim());
}

function floatFrom(datatype: string, value: number): number | Unfit {
  const limit = TOO_LARGE[datatype] ?? Number.POSITIVE_INFINITY;
  // The infinities are meant where they are written; a number that is too large is not.
  if (Number.isFinite(value) && Math.abs(value) >= limit) return { wanted: `a number of ${datatype}` };
  return value;
}

function wholeFrom(datatype: string, [min, max]: readonly [bigint, bigint], value: Value): Scalar | Unfit {
  if (Number.isSafeInteger(value) && (value as number) >= Number(min) && (value as number) <= Number(max))
    return value as number;
  const exact = exactOf(value);
  if (exact !== undefined && exact >= min && exact <= max) return exact;
  return { wanted: `a whole number (${datatype}) from ${min} to ${max}` };
}

/** A whole number that may be in a range; undefined for what is none, or far too long. */
function exactOf(value: Value): bigint | undefined {
  if (typeof value !== 'bigint' && (typeof value !== 'number' || !Number.isInteger(value))) return undefined;
  return String(value).length > MAX_DIGITS ? undefined : BigInt(value);
}

function bytesFrom(value: Value): Scalar | Unfit {
  if (typeof value === 'string')
    return value.isWellFormed() ? value : { wanted: 'text that is valid Unicode' };
  const wanted = 'text, or {"b64": "…"}';
  const encoded = base64Of(value);
  if (encoded === undefined) return { wanted };
  return isBase64(encoded) ? Buffer.from(encoded, 'base64') : { wanted: 'base64 in "b64"' };
}

/** The text in `{"b64": "…"}`; undefined for anything else. */
export function base64Of(value: Value): string | undefined {
  if (!isRecord(value) || value.size !== 1) return undefined;
  const text = value.get('b64');
  return typeof text === 'string' ? text : undefined;
}

/** With its padding or without, of either alphabet. Node leaves out what it does not know, and would make bytes of anything. */
function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/.test(text) && text.replace(/=+$/, '').length % 4 !== 1;
}
