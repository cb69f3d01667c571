/**
 * Machine-wide monotonic milliseconds, fractions included: an instant taken in one generator process means the same in
 * another. performance.now() is the cheapest such clock but counts from the start of its process, so it is shifted once
 * onto process.hrtime.
 */
const OFFSET_MS = measureOffset();

/** Of a few samples the largest: a pause between the two readings can only make it smaller. */
function measureOffset(): number {
  let offset = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const [seconds, nanos] = process.hrtime();
    offset = Math.max(offset, seconds * 1e3 + nanos / 1e6 - performance.now());
  }
  return offset;
}

/** Now, on the clock of all instants of the harness. */
export function monotonicMs(): number {
  return performance.now() + OFFSET_MS;
}
