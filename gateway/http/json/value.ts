import type { JsonReader } from './reader.js';

/**
 * Any JSON value. Objects are Maps, so that no name, `__proto__` neither, means anything. Whole numbers that a double does not hold
 * exactly are bigints.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue>;

/** Reads whatever value stands next as a whole: for what is small, or has no form that is known. */
export function readValue(reader: JsonReader): JsonValue {
  switch (reader.peek()) {
    case 'object': {
      const members = new Map<string, JsonValue>();
      reader.beginObject();
      for (let key = reader.key(); key !== undefined; key = reader.key()) members.set(key, readValue(reader));
      return members;
    }
    case 'array': {
      const elements: JsonValue[] = [];
      reader.beginArray();
      while (reader.element()) elements.push(readValue(reader));
      return elements;
    }
    case 'string':
      return reader.string();
    case 'number':
      return readNumber(reader);
    case 'null':
      reader.null();
      return null;
    default:
      return reader.boolean();
  }
}

/** Most digits of a bigint: what takes long to make of more is larger than anything wanted, too. */
const MAX_DIGITS = 40;

function readNumber(reader: JsonReader): number | bigint {
  const value = reader.number();
  if (!reader.whole || Number.isSafeInteger(value) || reader.at - reader.numberAt > MAX_DIGITS) return value;
  return BigInt(reader.text.slice(reader.numberAt, reader.at));
}

/** A value in words, for messages: never more than its first characters. */
export function kindOf(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'string') return 'a text';
  return Array.isArray(value) ? 'a list' : 'an object';
}
