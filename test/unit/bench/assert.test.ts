import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAssertions, parseAssertions } from '../../../bench/assertions.js';
import type { SearchOutcome } from '../../../bench/report/document.js';
import { BenchUsageError } from '../../../bench/usage-error.js';
import { fakeMeasurement, fakeReport } from '../../support/fake-load.js';

test('conditions are read with their units', () => {
  const table: readonly [text: string, figure: string, operator: string, value: number][] = [
    ['p99<20ms', 'p99', '<', 20],
    ['p99.9 <= 1.5s', 'p99.9', '<=', 1500],
    ['goodput>0.95', 'goodput', '>', 0.95],
    ['goodput>=99.5%', 'goodput', '>=', 0.995],
    ['errors < 1%', 'errors', '<', 0.01],
    ['wrong==0', 'wrong', '=', 0],
    ['rate>1000', 'rate', '>', 1000],
    ['maxrate>=5e3', 'maxrate', '>=', 5000],
  ];
  for (const [text, figure, operator, value] of table)
    assert.deepEqual(parseAssertions(text), [{ text, figure, operator, value }]);
  assert.equal(parseAssertions('p99<20ms,goodput>0.95, errors<1%').length, 3);
});

test('what is wrong is named with its column, all faults at once', () => {
  const table: readonly [text: string, message: RegExp][] = [
    ['p98<20ms', /column 1: "p98" is no figure; wanted one of p50 /],
    ['p99<20ms,speed>1', /column 10: "speed" is no figure/],
    ['p99<20', /column 5: "20" is no value of p99; wanted a time with its unit/],
    ['p99 ! 20ms', /column 5: "! 20ms" is no operator; wanted < <= > >= or =/],
    ['goodput> lots', /column 10: "lots" is no value of goodput; wanted a share/],
    ['p99<20ms,', /column 10: "" is no figure/],
  ];
  for (const [text, message] of table) assert.throws(() => parseAssertions(text), message, text);
  assert.throws(
    () => parseAssertions('a<1,b<2'),
    (error) => error instanceof BenchUsageError && error.problems.length === 2,
  );
});

const failures = (text: string, report: Parameters<typeof checkAssertions>[1]): string[] =>
  checkAssertions(parseAssertions(text), report);

test('every step must hold, by the median of its repetitions', () => {
  const report = fakeReport([
    ...[10, 11, 500].map((ms, repetition) => fakeMeasurement({ latenciesMs: [ms] }, { repetition })),
    fakeMeasurement({ latenciesMs: [50] }, { step: 'concurrency 2' }),
  ]);
  assert.deepEqual(failures('p99<60ms', report), []);
  assert.deepEqual(failures('p99<20ms', report), ['p99<20ms: p99 is 50 ms at concurrency 2']);
});

test('shares and rates are checked as they are shown', () => {
  const report = fakeReport([
    fakeMeasurement({ latenciesMs: new Array<number>(90).fill(1), counts: { refused: 10 } }),
  ]);
  assert.deepEqual(failures('errors<=10%,refused=0.1,wrong=0,rate>=90,offered=100', report), []);
  assert.deepEqual(failures('goodput>95%', report), ['goodput>95%: goodput is 90% at concurrency 1']);
});

test('a void measurement fails whatever is asserted', () => {
  const report = fakeReport([fakeMeasurement({ void: 'the generator was 95% busy' })]);
  assert.deepEqual(failures('p99<1s', report), ['concurrency 1 is void: the generator was 95% busy']);
});

test('a figure that is not there fails, and so does an empty report', () => {
  const silent = fakeReport([fakeMeasurement({ latenciesMs: [], counts: { failed: 3 } })]);
  assert.deepEqual(failures('p99<1s,batch>1', silent), [
    'p99<1s: concurrency 1 has no p99',
    'batch>1: concurrency 1 has no batch',
  ]);
  assert.deepEqual(failures('p99<1s', fakeReport([])), ['nothing was measured']);
});

test('of a search only the rate that passed is checked, and the highest rate', () => {
  const at = (ratePerS: number, ms: number) =>
    fakeMeasurement(
      { arrivals: { kind: 'poisson', ratePerS }, latenciesMs: [ms], ...(ms > 50 ? { void: 'late' } : {}) },
      { step: `${ratePerS}/s poisson` },
    );
  const search: SearchOutcome = {
    percentile: 0.99,
    boundMs: 20,
    maxRatePerS: 200,
    failedRatePerS: 400,
    ended: '',
    limitedByGenerator: false,
    steps: [],
  };
  const report = fakeReport([at(100, 1), at(200, 10), at(400, 100)], { search });
  assert.deepEqual(failures('p99<20ms,maxrate>=200', report), []);
  assert.deepEqual(failures('maxrate>200', report), ['maxrate>200: maxrate is 200 at the search']);
  const limited = fakeReport([at(100, 1)], { search: { ...search, limitedByGenerator: true } });
  assert.match(failures('maxrate>1', limited).join(), /the search is void/);
});
