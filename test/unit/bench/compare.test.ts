import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareMeasurements, compareReports } from '../../../bench/compare.js';
import { seededRandom } from '../../../bench/load/random.js';
import { comparisonTable } from '../../../bench/report/comparison-table.js';
import type { Measurement } from '../../../bench/report/document.js';
import { pairedShift } from '../../../bench/statistics.js';
import { fakeMeasurement, fakeReport } from '../../support/fake-load.js';

/** Standard normal, by Box and Muller. */
function normals(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

test('a shift of three has the interval of Student that every table has', () => {
  // Mean 2, standard deviation 1, t(2) = 4.3027: 2 +- 4.3027 / sqrt(3).
  const { estimate, low, high, method } = pairedShift([1, 2, 3]);
  assert.equal(method, 'student');
  assert.equal(estimate, 2);
  assert.ok(Math.abs(low - (2 - 2.48414)) < 1e-4 && Math.abs(high - (2 + 2.48414)) < 1e-4);
});

test('with six pairs the interval of signed ranks is from the smallest to the largest', () => {
  const shift = pairedShift([6, 1, 5, 2, 4, 3]);
  assert.deepEqual(shift, { estimate: 3.5, low: 1, high: 6, pairs: 6, method: 'wilcoxon' });
});

test('with ten pairs the ninth of the 55 means bounds it, as tables of the signed-rank test say', () => {
  const values = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
  const means: number[] = [];
  for (const [i, left] of values.entries())
    for (const right of values.slice(i)) means.push((left + right) / 2);
  means.sort((left, right) => left - right);
  const { low, high } = pairedShift(values);
  assert.deepEqual([low, high], [means[8], means[46]]);
});

test('one pair says nothing, none even less', () => {
  assert.equal(pairedShift([1]).high, Number.POSITIVE_INFINITY);
  assert.equal(pairedShift([]).pairs, 0);
});

test('one wild measurement among seven does not move the verdict', () => {
  const { estimate, low, high } = pairedShift([0.1, 0.11, 0.09, 0.1, 0.12, 0.1, 5]);
  assert.ok(estimate < 0.15 && low > 0.08 && high > 0.1, `${estimate} [${low}, ${high}]`);
});

test('pure noise is called a change in about one of twenty, a planted one nearly always', () => {
  const random = normals(7);
  for (const pairs of [4, 7, 12]) {
    let falseAlarms = 0;
    let found = 0;
    for (let trial = 0; trial < 1000; trial++) {
      const noise = Array.from({ length: pairs }, random);
      const { low, high } = pairedShift(noise);
      if (low > 0 || high < 0) falseAlarms++;
      const planted = pairedShift(noise.map((value) => value + 4));
      if (planted.low > 0) found++;
    }
    assert.ok(falseAlarms <= 80, `${falseAlarms} false alarms of 1000 with ${pairs} pairs`);
    assert.ok(falseAlarms >= 8, `${falseAlarms} of 1000 with ${pairs} pairs: the interval is too wide`);
    assert.ok(found >= 970, `${found} found with ${pairs} pairs`);
  }
});

test('more than fifty pairs use the normal approximation, close to the counted cut', () => {
  const random = normals(9);
  const fifty = Array.from({ length: 50 }, random);
  const counted = pairedShift(fifty);
  const approximate = pairedShift([...fifty, counted.estimate]);
  assert.ok(Math.abs(counted.low - approximate.low) < 0.1 && Math.abs(counted.high - approximate.high) < 0.1);
});

/** Repetitions of one step whose answers take about `ms`. */
function repetitions(ms: number, noise: number, seed: number, count = 7): Measurement[] {
  const random = normals(seed);
  return Array.from({ length: count }, (_, repetition) => {
    const latenciesMs = Array.from({ length: 100 }, () => ms);
    const factor = 1 + noise * random();
    return fakeMeasurement({ latenciesMs: latenciesMs.map((one) => one * factor) }, { repetition });
  });
}

test('verdicts: better, worse, same, noise, unknown', () => {
  const p50 = (a: Measurement[], b: Measurement[]): string | undefined =>
    compareMeasurements(a, b).comparisons.find(({ figure }) => figure === 'p50')?.verdict;
  assert.equal(p50(repetitions(10, 0.02, 1), repetitions(8, 0.02, 2)), 'better');
  assert.equal(p50(repetitions(10, 0.02, 1), repetitions(12, 0.02, 2)), 'worse');
  assert.equal(p50(repetitions(10, 0.005, 1), repetitions(10, 0.005, 2)), 'same');
  assert.equal(p50(repetitions(10, 0.2, 1), repetitions(10, 0.2, 2)), 'noise');
  assert.equal(p50(repetitions(10, 0.02, 1, 1), repetitions(20, 0.02, 2, 1)), 'unknown');
});

test('a rate that grows is better, errors that grow are worse', () => {
  const side = (answers: number, refused: number): Measurement[] =>
    Array.from({ length: 7 }, (_, repetition) =>
      fakeMeasurement(
        { latenciesMs: new Array<number>(answers + repetition).fill(1), counts: { refused } },
        { repetition },
      ),
    );
  const { comparisons } = compareMeasurements(side(1000, 0), side(1300, 100));
  const verdict = (figure: string): string | undefined =>
    comparisons.find((one) => one.figure === figure)?.verdict;
  assert.equal(verdict('answers/s'), 'better');
  assert.equal(verdict('errors'), 'worse');
  assert.equal(verdict('p99'), 'same');
  const table = comparisonTable(comparisons);
  assert.match(JSON.stringify(table.rows), /"\+30%".*better.*"\+7\.1 pp".*WORSE/);
});

test('steps that only one side has are left out, and said to be', () => {
  const { comparisons, warnings } = compareMeasurements(
    [fakeMeasurement(), fakeMeasurement({}, { step: 'concurrency 2' })],
    [fakeMeasurement()],
  );
  assert.deepEqual([...new Set(comparisons.map(({ step }) => step))], ['concurrency 1']);
  assert.match(warnings.join('\n'), /concurrency 2/);
  assert.match(warnings.join('\n'), /--repeat/);
});

test('what makes two reports hard to compare is said', () => {
  const a = fakeReport([fakeMeasurement({ void: 'too busy' })], { settings: { durationMs: 1000 } });
  const b = fakeReport([fakeMeasurement({}, { startedAt: '2026-01-02T00:00:00.000Z' })], {
    settings: { durationMs: 2000 },
    machine: { ...a.machine, cores: 8 },
  });
  const { warnings } = compareReports(a, b);
  for (const wanted of [
    /1 of 1 measurements of a are void/,
    /different machines/,
    /durationMs 1000 and 2000/,
    /--against/,
  ])
    assert.match(warnings.join('\n'), wanted);
});
