import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Arrivals } from '../../../../bench/contract.js';
import { intendedStarts, shareOf, warmupArrivals } from '../../../../bench/load/arrivals.js';
import { mixChooser } from '../../../../bench/load/mix.js';
import { seededRandom } from '../../../../bench/load/random.js';

/** All starts of all processes, ascending. */
function starts(arrivals: Arrivals, durationMs: number, processes = 1, seed = 1): number[] {
  return Array.from({ length: processes }, (_, index) =>
    own(arrivals, durationMs, { index, processes, seed }),
  )
    .flat()
    .sort((a, b) => a - b);
}

function own(
  arrivals: Arrivals,
  durationMs: number,
  part: { index: number; processes: number; seed: number },
): number[] {
  const next = intendedStarts({ arrivals, durationMs, ...part });
  const all: number[] = [];
  for (let at = next(); at < Number.POSITIVE_INFINITY; at = next()) all.push(at);
  assert.equal(next(), Number.POSITIVE_INFINITY, 'the end stays the end');
  return all;
}

const gaps = (all: readonly number[]): number[] => all.slice(1).map((at, i) => at - (all[i] as number));
const mean = (all: readonly number[]): number => all.reduce((sum, x) => sum + x, 0) / all.length;

test('constant arrivals are evenly spaced and exactly as many as asked for, however many processes share them', () => {
  for (const processes of [1, 2, 3, 7]) {
    const all = starts({ kind: 'constant', ratePerS: 400 }, 10_000, processes);
    assert.equal(all.length, 4000);
    for (const gap of gaps(all)) assert.ok(Math.abs(gap - 2.5) < 1e-6);
  }
});

test('Poisson arrivals have the rate, and gaps as spread as an exponential distribution', () => {
  for (const processes of [1, 4]) {
    const all = starts({ kind: 'poisson', ratePerS: 1000 }, 100_000, processes);
    assert.ok(Math.abs(all.length - 100_000) < 5 * Math.sqrt(100_000), `${all.length}`);
    const between = gaps(all);
    const m = mean(between);
    const deviation = Math.sqrt(mean(between.map((gap) => (gap - m) ** 2)));
    assert.ok(Math.abs(deviation / m - 1) < 0.03, `coefficient of variation ${deviation / m}`);
    const short = between.filter((gap) => gap < m).length / between.length;
    assert.ok(Math.abs(short - (1 - Math.exp(-1))) < 0.01, `${short} of the gaps are below the mean`);
  }
});

test('the same seed gives the same arrivals, another seed or process gives others', () => {
  const poisson: Arrivals = { kind: 'poisson', ratePerS: 100 };
  const part = { index: 0, processes: 2, seed: 5 };
  assert.deepEqual(own(poisson, 5000, part), own(poisson, 5000, part));
  assert.notDeepEqual(own(poisson, 5000, part), own(poisson, 5000, { ...part, seed: 6 }));
  assert.notDeepEqual(own(poisson, 5000, part), own(poisson, 5000, { ...part, index: 1 }));
});

test('bursts are silent between them and keep the rate within them', () => {
  const all = starts({ kind: 'bursts', ratePerS: 1000, onMs: 200, offMs: 300 }, 50_000, 2);
  assert.ok(all.every((at) => at % 500 < 200));
  assert.ok(Math.abs(all.length - 20_000) < 5 * Math.sqrt(20_000), `${all.length}`);
  assert.ok(
    all.some((at) => at > 49_500),
    'the last burst is played too',
  );
});

test('a trace is played once, each entry by one process, up to the end of the measurement', () => {
  const trace: Arrivals = { kind: 'trace', atMs: [0, 5, 5, 7, 100, 101] };
  assert.deepEqual(starts(trace, 1000, 4), [0, 5, 5, 7, 100, 101]);
  assert.deepEqual(starts(trace, 101, 2), [0, 5, 5, 7, 100]);
  assert.deepEqual(own(trace, 1000, { index: 1, processes: 2, seed: 1 }), [5, 7, 101]);
});

test('arrivals ascend', () => {
  for (const arrivals of [
    { kind: 'poisson', ratePerS: 3000 },
    { kind: 'bursts', ratePerS: 3000, onMs: 0.5, offMs: 0.25 },
    { kind: 'constant', ratePerS: 3 },
  ] as const) {
    assert.ok(gaps(own(arrivals, 2000, { index: 0, processes: 1, seed: 9 })).every((gap) => gap >= 0));
  }
});

test('closed-loop arrivals have no schedule', () => {
  assert.throws(() => starts({ kind: 'closed', concurrency: 1 }, 1), /no schedule/);
});

test('a trace warms up at its mean rate, other arrivals as themselves', () => {
  const atMs = Array.from({ length: 200 }, (_, i) => (i + 1) * 10);
  assert.deepEqual(warmupArrivals({ kind: 'trace', atMs }), { kind: 'constant', ratePerS: 100 });
  const poisson = { kind: 'poisson', ratePerS: 7 } as const;
  assert.equal(warmupArrivals(poisson), poisson);
});

test('shares add up and differ by at most one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 16 }), (total, processes) => {
      const shares = Array.from({ length: processes }, (_, index) => shareOf(total, { index, processes }));
      assert.equal(
        shares.reduce((sum, share) => sum + share, 0),
        total,
      );
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
    }),
  );
});

test('random numbers are even over [0, 1) and do not repeat their neighbours', () => {
  const random = seededRandom(42, 3);
  const bins = new Array<number>(20).fill(0);
  let products = 0;
  let last = random();
  for (let i = 0; i < 200_000; i++) {
    const value = random();
    assert.ok(value >= 0 && value < 1);
    bins[Math.floor(value * 20)] = (bins[Math.floor(value * 20)] as number) + 1;
    products += (value - 0.5) * (last - 0.5);
    last = value;
  }
  for (const bin of bins) assert.ok(Math.abs(bin - 10_000) < 500, `${bins}`);
  assert.ok(Math.abs(products / 200_000 / (1 / 12)) < 0.02, 'serial correlation');
});

test('seeds beyond 32 bits differ', () => {
  assert.notEqual(seededRandom(1)(), seededRandom(1 + 2 ** 32)());
});

test('templates are chosen by weight, their bodies in turn', () => {
  const templates = [
    { weight: 3, bodies: 2 },
    { weight: 1, bodies: 3 },
    { weight: 0.0001, bodies: 1 },
  ];
  const choose = mixChooser({ templates, seed: 1, stream: 0 });
  const seen: string[] = [];
  for (let i = 0; i < 40_000; i++) {
    const { template, body } = choose();
    seen.push(`${template}.${body}`);
  }
  const first = seen.filter((name) => name.startsWith('0'));
  assert.ok(Math.abs(first.length - 30_000) < 500, `${first.length}`);
  assert.deepEqual(first.slice(0, 4), ['0.0', '0.1', '0.0', '0.1']);
  const second = seen.filter((name) => name.startsWith('1'));
  assert.deepEqual(second.slice(0, 4), ['1.0', '1.1', '1.2', '1.0']);
});

test('the mix repeats with its seed, and processes choose differently', () => {
  const sequence = (seed: number, stream: number): string => {
    const choose = mixChooser({
      templates: [
        { weight: 1, bodies: 1 },
        { weight: 1, bodies: 1 },
      ],
      seed,
      stream,
    });
    return Array.from({ length: 64 }, () => choose().template).join('');
  };
  assert.equal(sequence(1, 0), sequence(1, 0));
  assert.notEqual(sequence(1, 0), sequence(2, 0));
  assert.notEqual(sequence(1, 0), sequence(1, 1));
});
