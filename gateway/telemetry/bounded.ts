/** Longest text of one field, and of a message. */
const MAX_TEXT = 1024;
/** Longest stack of an error. */
const MAX_STACK = 4096;
const MAX_KEYS = 40;
const MAX_ITEMS = 20;
const MAX_DEPTH = 4;

const SECRET_KEY =
  /^(authorization|proxy-authorization|cookie|set-cookie|password|passwd|secret|token|api[-_]?key|x-api-key)$/i;

/** Cuts a text, saying how long it was. */
export function cut(text: string, max = MAX_TEXT): string {
  return text.length <= max ? text : `${text.slice(0, max)}…(${text.length} characters)`;
}

/**
 * A copy of log fields that cannot be large, deep, circular or secret: client text and foreign errors end up in logs.
 * Bytes are told by their length only; an error by name, code, message, stack and cause.
 */
export function bounded(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'bigint') return cut(value.toString());
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth >= MAX_DEPTH) return '[deeper]';
  if (value instanceof Error) return boundedError(value, depth);
  if (value instanceof Map) return bounded(Object.fromEntries(value), depth);
  if (value instanceof Set) return bounded([...value], depth);
  if (value instanceof Date) return value.toJSON();
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => bounded(item, depth + 1));
    if (value.length > MAX_ITEMS) items.push(`…(${value.length} items)`);
    return items;
  }
  const entries = Object.entries(value);
  const kept = entries
    .slice(0, MAX_KEYS)
    .map(([key, inner]) => [cut(key, 100), SECRET_KEY.test(key) ? '[redacted]' : bounded(inner, depth + 1)]);
  if (entries.length > MAX_KEYS) kept.push(['…', `${entries.length} fields`]);
  return Object.fromEntries(kept);
}

function boundedError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: cut(name, 100),
    ...(code === undefined ? {} : { code: bounded(code, depth + 1) }),
    message: cut(message),
    ...(stack === undefined ? {} : { stack: cut(stack, MAX_STACK) }),
    ...(cause === undefined ? {} : { cause: bounded(cause, depth + 1) }),
  };
}
