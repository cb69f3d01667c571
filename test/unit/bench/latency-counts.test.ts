import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LatencyCounts, NO_LATENCIES } from '../../../bench/latency-counts.js';

const QUANTILES = [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1];
const latencies = fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 300 });

function counted(values: readonly number[]): LatencyCounts {
  const counts = new LatencyCounts();
  for (const value of values) counts.record(value);
  return counts;
}

/** The value that a share `q` of all does not exceed, exactly. */
function exact(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * values.length) - 1)] as number;
}

test('every quantile is right to 0.4% or 0.05 us, from nanoseconds to hours', () => {
  const spread = fc.array(
    fc.double({ min: -6, max: 7, noNaN: true }).map((power) => 10 ** power),
    { minLength: 1, maxLength: 300 },
  );
  fc.assert(
    fc.property(spread, (values) => {
      const counts = counted(values);
      for (const q of QUANTILES) {
        const wanted = exact(values, q);
        const got = counts.quantile(q);
        assert.ok(
          Math.abs(got - wanted) <= Math.max(0.004 * wanted, 0.00005) + 1e-12,
          `q${q}: ${got} for ${wanted}`,
        );
      }
    }),
  );
});

test('minimum, maximum and mean are exact', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const counts = counted(values);
      assert.equal(counts.minMs, Math.min(...values));
      assert.equal(counts.maxMs, Math.max(...values));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      assert.ok(Math.abs(counts.meanMs - mean) <= 1e-9 * mean);
      assert.equal(counts.quantile(0), counts.minMs);
      assert.equal(counts.quantile(1), counts.maxMs);
    }),
  );
});

test('merged counts are those of all values together, sent as plain data or not', () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      const merged = counted(a);
      merged.merge(counted(b));
      const sent = LatencyCounts.from(structuredClone(counted(a).toData()));
      sent.add(counted(b).toData());
      const whole = counted([...a, ...b]).toData();
      for (const data of [merged.toData(), sent.toData()]) {
        assert.deepEqual(data.buckets, whole.buckets);
        assert.deepEqual([data.minMs, data.maxMs], [whole.minMs, whole.maxMs]);
        assert.ok(Math.abs(data.sumMs - whole.sumMs) <= 1e-9 * whole.sumMs);
      }
    }),
  );
});

test('buckets ascend, and values of neighbouring buckets lie less than 1% apart', () => {
  let last = counted([0.01]).toData().buckets[0]?.[0] as number;
  for (let ms = 0.01; ms < 1e6; ms *= 1.003) {
    const bucket = counted([ms]).toData().buckets[0]?.[0] as number;
    assert.ok(bucket >= last && bucket <= last + 2, `${ms} ms`);
    last = bucket;
  }
});

test('nothing recorded reads 0 everywhere, and merging nothing changes nothing', () => {
  const counts = new LatencyCounts();
  assert.deepEqual(counts.toData(), NO_LATENCIES);
  assert.deepEqual(
    [counts.count, counts.minMs, counts.maxMs, counts.meanMs, counts.quantile(0.5)],
    [0, 0, 0, 0, 0],
  );
  assert.equal(LatencyCounts.from(NO_LATENCIES).quantile(0.99), 0);
  const one = counted([3]);
  one.add(NO_LATENCIES);
  assert.deepEqual(one.toData(), counted([3]).toData());
});

test('a negative value counts as 0, one beyond 30 hours in the last bucket with its true maximum', () => {
  assert.equal(counted([-1]).minMs, 0);
  const counts = counted([1e12]);
  assert.equal(counts.count, 1);
  assert.equal(counts.maxMs, 1e12);
});

test('clear forgets', () => {
  const counts = counted([1, 2, 3]);
  counts.clear();
  assert.deepEqual(counts.toData(), NO_LATENCIES);
  counts.record(5);
  assert.deepEqual(counts.toData(), counted([5]).toData());
});

test('buckets that do not exist are ignored', () => {
  const data = {
    buckets: [
      [-1, 5],
      [1e9, 5],
      [10, 2],
    ] as [number, number][],
    minMs: 1,
    maxMs: 2,
    sumMs: 3,
  };
  assert.equal(LatencyCounts.from(data).count, 2);
});
