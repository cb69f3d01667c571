/**
 * A value as JSON or a CSV file gives it. Objects are Maps, so that no name, `__proto__` neither, means anything; whole numbers that a
 * double does not hold exactly are bigints.
 */
export type Value = null | boolean | number | bigint | string | readonly Value[] | ReadonlyMap<string, Value>;

/** One element of a tensor, fit for its datatype. */
export type Scalar = boolean | number | bigint | string | Uint8Array;

/** Narrows to an object. */
export function isRecord(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

/** Narrows to a list. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** What `JSON.parse` made, as a Value. Its own properties only: `__proto__` is a name as any other. */
export function toValue(parsed: unknown): Value {
  if (Array.isArray(parsed)) return parsed.map(toValue);
  if (typeof parsed === 'object' && parsed !== null)
    return new Map(Object.entries(parsed).map(([name, value]) => [name, toValue(value)]));
  return parsed as Value;
}
