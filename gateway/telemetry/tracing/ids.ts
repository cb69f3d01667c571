import { randomFillSync } from 'node:crypto';

/** Bytes are drawn many at a time: a draw of its own for each id costs more than the id. */
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  const text = pool.toString('hex', used - bytes, used);
  return /[^0]/.test(text) ? text : randomHex(bytes);
}

/** A new trace id, as W3C's Trace Context wants it: 32 hex digits, not all 0. */
export function newTraceId(): string {
  return randomHex(16);
}

/** A new span id: 16 hex digits, not all 0. */
export function newSpanId(): string {
  return randomHex(8);
}
