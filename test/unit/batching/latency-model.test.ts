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

/** Noise of about +-15%, the same in each run of the test. */
function noise(): () => number {
  let state = 12345;
  const uniform = (): number => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return (state + 1) / (2 ** 31 + 1);
  };
  return () => Math.exp(0.15 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

const line = (rows: number): number => 20 + 2 * rows;
const PREPARED = [1, 8, 64].map((rows) => ({ rows, ms: line(rows) }));

/** A model, and the time that its runs take. */
class Machine {
  readonly model: LatencyModel;
  now = 0;

  constructor(seed: readonly { rows: number; ms: number }[] = PREPARED) {
    this.model = new LatencyModel(seed);
  }

  run(rows: number, ms = line(rows), times = 1): void {
    for (let i = 0; i < times; i++) {
      this.now += ms;
      this.model.observe(rows, ms, this.now);
    }
  }
}

const within = (got: number, wanted: number, share: number, sentence: string): void =>
  assert.ok(Math.abs(got / wanted - 1) <= share, `${sentence}: ${got}, wanted ${wanted}`);

test('a machine that slows down while only one size runs: within seconds all sizes are slower', () => {
  for (const factor of [2, 0.5])
    for (const rows of [1, 16, 64]) {
      const machine = new Machine();
      const { model } = machine;
      const noisy = noise();
      // Every size has run lately.
      for (let i = 0; i < 300; i++) machine.run(2 ** (i % 7), line(2 ** (i % 7)) * noisy());
      for (const size of [1, 8, 64]) within(model.estimateMs(size), line(size), 0.15, `before, ${size} rows`);
      const until = machine.now + 8000;
      while (machine.now < until) machine.run(rows, factor * line(rows) * noisy());
      for (const size of [1, 8, 16, 64])
        within(
          model.estimateMs(size),
          factor * line(size),
          0.2,
          `${factor}x, ${rows} rows run, ${size} asked`,
        );
    }
});

test('the size that runs is right again within ten runs', () => {
  const machine = new Machine();
  machine.run(16, line(16), 100);
  machine.run(16, 2 * line(16), 10);
  within(machine.model.estimateMs(16), 2 * line(16), 0.15, 'ten runs');
});

test('100,000 noisy runs: nothing drifts, whatever the sizes', () => {
  const mixes: [string, (i: number) => number][] = [
    ['all sizes', (i) => 1 + ((i * 7919) % 64)],
    ['one size', () => 32],
    ['mostly one, now and then a large one', (i) => (i % 64 === 0 ? 64 : 8)],
  ];
  for (const [mix, sizeOf] of mixes) {
    const machine = new Machine();
    const { model } = machine;
    const noisy = noise();
    let worst = 0;
    for (let i = 0; i < 100_000; i++) {
      const rows = sizeOf(i);
      machine.run(rows, line(rows) * noisy());
      if (i % 100 !== 99) continue;
      for (const size of [1, 8, 64])
        worst = Math.max(worst, Math.abs(Math.log(model.estimateMs(size) / line(size))));
    }
    assert.ok(worst < Math.log(1.6), `${mix}: at worst off by a factor of ${Math.exp(worst)}`);
    for (const size of [8, 64]) within(model.estimateMs(size), line(size), 0.2, `${mix}, in the end`);
    assert.ok(model.guardRatio > 1.1 && model.guardRatio < 1.6, `${mix}: guard ${model.guardRatio}`);
  }
});

test('one run that took ten times as long, the first above all, spoils little and not for long', () => {
  for (const seed of [PREPARED, []])
    for (const before of [0, 50]) {
      const machine = new Machine(seed);
      const sentence = `${seed.length > 0 ? 'prepared' : 'unknown'}, after ${before} runs`;
      machine.run(8, line(8), before);
      machine.run(8, 10 * line(8));
      // Where nothing was known it is all that is.
      if (seed.length + before > 0) assert.ok(machine.model.estimateMs(8) <= 2 * line(8), sentence);
      machine.run(8, line(8), 20);
      within(machine.model.estimateMs(8), line(8), 0.15, sentence);
    }
});

test('what was learned of the first run says nothing of how much runs differ', () => {
  const model = new LatencyModel();
  for (let i = 0; i < 3; i++) model.observe(8, 36, 40 * i);
  near(model.guardRatio, 1);
  near(model.guardMs(8), 36);
});

test('the guard covers what is slow now and then, and what a batch takes beside its run', () => {
  const machine = new Machine();
  const { model } = machine;
  // Every tenth is half as slow again.
  for (let i = 0; i < 640; i++) machine.run(8, i % 10 === 0 ? 54 : 36);
  within(model.estimateMs(8), 37.5, 0.1, 'the estimate is the mean');
  within(model.guardMs(8), 54, 0.1, 'the guard is not');
  const before = model.guardMs(8);
  for (let i = 0; i < 64; i++) model.observeOverhead(3);
  for (const wrong of [-1, Number.NaN, 1e9]) model.observeOverhead(wrong);
  near(model.guardMs(8), before + 2 * 3);
});

test('what is known, of how many sizes, and since when', () => {
  const nothing = new LatencyModel();
  assert.deepEqual(
    [nothing.known, nothing.knowsSizes, nothing.observedAt],
    [false, false, Number.NEGATIVE_INFINITY],
  );
  nothing.observe(8, 36, 500);
  assert.deepEqual([nothing.known, nothing.knowsSizes, nothing.observedAt], [true, false, 500]);
  nothing.observe(9, 36, 600);
  assert.equal(nothing.knowsSizes, false, 'about as many rows');
  nothing.observe(16, 52, 700);
  assert.equal(nothing.knowsSizes, true);
  assert.equal(new LatencyModel(PREPARED).knowsSizes, true);
});
