import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyModel } from '../../../gateway/batching/latency-model.js';

const near = (got: number, wanted: number): void =>
  assert.ok(Math.abs(got - wanted) < 1e-6 * (1 + wanted), `${got}`);

test('the line through exact samples is found', () => {
  const model = new LatencyModel([1, 8, 32].map((rows) => ({ rows, ms: 2 + 0.5 * rows })));
  near(model.estimateMs(1), 2.5);
  near(model.estimateMs(16), 10);
  near(model.estimateMs(64), 34);
});

test('what little is known is used as it is', () => {
  near(new LatencyModel().estimateMs(100), 1);
  const one = new LatencyModel([{ rows: 4, ms: 8 }]);
  near(one.estimateMs(4), 8);
  near(one.estimateMs(8), 16);
});

test('new runs outweigh old ones', () => {
  const model = new LatencyModel([
    { rows: 1, ms: 100 },
    { rows: 8, ms: 800 },
  ]);
  for (let i = 0; i < 1000; i++) model.observe(1 + (i % 8), 1 + (i % 8), i);
  assert.ok(model.estimateMs(8) < 8.2, `${model.estimateMs(8)}`);
});

test('noise never makes a larger batch faster, or a time negative', () => {
  const falling = new LatencyModel([
    { rows: 1, ms: 9 },
    { rows: 8, ms: 3 },
  ]);
  assert.ok(falling.estimateMs(8) >= falling.estimateMs(1));
  const steep = new LatencyModel([
    { rows: 7, ms: 0 },
    { rows: 8, ms: 50 },
  ]);
  assert.ok(steep.estimateMs(1) >= 0);
});

test('samples that cannot be true are ignored', () => {
  const model = new LatencyModel([{ rows: 1, ms: 1 }]);
  for (const [rows, ms] of [
    [0, 1],
    [-1, 1],
    [Number.NaN, 1],
    [1, -1],
    [1, Number.NaN],
    [1, Number.POSITIVE_INFINITY],
  ] as const) {
    model.observe(rows, ms, 0);
  }
  near(model.estimateMs(1), 1);
});
