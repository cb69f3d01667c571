import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeHtml } from '../../../bench/report/chart.js';
import { reportCsv } from '../../../bench/report/csv.js';
import { median } from '../../../bench/report/figures.js';
import { ms, percent, statuses } from '../../../bench/report/format.js';
import { reportHtml } from '../../../bench/report/html.js';
import { readReport } from '../../../bench/report/read-report.js';
import { linearScale, logScale, ninesScale, spanScale } from '../../../bench/report/scale.js';
import { reportTable } from '../../../bench/report/table.js';
import { reportText } from '../../../cli/bench-text.js';
import { fakeMeasurement, fakeReport } from '../../support/fake-load.js';

const hundred = Array.from({ length: 100 }, (_, i) => i + 1);

test('figures: rates, shares and percentiles of one result', () => {
  const { figures } = fakeMeasurement({
    latenciesMs: hundred,
    durationMs: 2000,
    counts: { late: 10, refused: 50, failed: 20, wrong: 15, unanswered: 5 },
  });
  assert.equal(figures.offeredPerS, 100);
  assert.equal(figures.okPerS, 50);
  assert.deepEqual(
    [
      figures.goodput,
      figures.errors,
      figures.late,
      figures.refused,
      figures.failed,
      figures.wrong,
      figures.unanswered,
    ],
    [0.5, 0.5, 0.05, 0.25, 0.1, 0.075, 0.025],
  );
  assert.equal(figures.minMs, 1);
  assert.equal(figures.maxMs, 100);
  assert.ok(Math.abs((figures.p50Ms as number) - 50) < 0.5 && Math.abs((figures.p99Ms as number) - 99) < 0.5);
  const silent = fakeMeasurement({ latenciesMs: [] }).figures;
  assert.deepEqual([silent.goodput, silent.p50Ms, silent.meanMs], [null, null, null]);
});

test('the CSV begins with the columns of perf_analyzer', () => {
  const server = { queueMs: 0.5, computeMs: 1, batchRows: 3.25 };
  const csv = reportCsv({
    measurements: [
      fakeMeasurement(
        { latenciesMs: [4, 4], counts: { byStatus: { OK: 2, UNAVAILABLE: 1 }, refused: 1 } },
        { server },
      ),
      fakeMeasurement({ latenciesMs: [], void: 'busy, "late"' }),
    ],
  });
  const [head, first, second, ...rest] = csv.split('\n');
  assert.deepEqual(rest, ['']);
  const wanted =
    'Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input,Server Compute Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,p99 latency,p99.9 latency,Avg ';
  assert.equal(head?.slice(0, wanted.length), wanted);
  const cells = first?.split(',') ?? [];
  const parts = cells.slice(2, 9).map(Number);
  assert.equal(
    parts.reduce((sum, part) => sum + part),
    4000,
    'the parts add up to the mean, in microseconds',
  );
  assert.deepEqual(cells.slice(0, 9), ['1', '2', '0', '2500', '500', '', '1000', '', '0']);
  assert.match(first as string, /UNAVAILABLE:1,3\.25,/);
  assert.match(second as string, /"busy, ""late""",concurrency 1,0,main$/);
  assert.equal(cells.length, head?.split(',').length);
});

test('the first column of an open loop is the request rate', () => {
  const csv = reportCsv({
    measurements: [fakeMeasurement({ arrivals: { kind: 'poisson', ratePerS: 250 } })],
  });
  assert.match(csv, /^Request Rate,Inferences\/Second,.*\n250,/);
});

test('the page is complete in itself and shows text as text', () => {
  const evil = '</title><script>alert(1)</script>';
  const page = reportHtml(
    fakeReport(
      [
        fakeMeasurement({ latenciesMs: hundred }, { step: evil }),
        fakeMeasurement(
          { latenciesMs: hundred, void: 'the generator was 93% busy' },
          { step: 'concurrency 2' },
        ),
      ],
      { command: `sluice bench ${evil}`, warnings: ['a "warning" & more'] },
    ),
  );
  assert.doesNotMatch(page, /<script|https?:|src=|@import|url\(/i);
  assert.match(page, /VOID.*the generator was 93% busy/s);
  assert.equal(
    page.match(/<svg class="chart"/g)?.length,
    6,
    'percentiles, curve, and two timelines of two charts',
  );
  assert.match(page, /a &#34;warning&#34; &#38; more/);
  assert.match(page, /prefers-color-scheme: dark/);
  assert.match(page, /width=device-width/);
  assert.doesNotMatch(page, /NaN|Infinity|undefined|\[object/);
});

test('a page of nothing is still a page', () => {
  const page = reportHtml(fakeReport([]));
  assert.match(page, /Nothing was measured/);
  const failed = reportHtml(fakeReport([fakeMeasurement({ latenciesMs: [], counts: { failed: 3 } })]));
  assert.doesNotMatch(failed, /NaN|Infinity|undefined/);
});

test('a page of a search and of two servers says what was found', () => {
  const search = {
    percentile: 0.999,
    boundMs: 20,
    maxRatePerS: 400,
    failedRatePerS: 420,
    ended: 'what passed and what failed are within 5%',
    limitedByGenerator: true,
    steps: [{ ratePerS: 400, verdict: 'met' as const, under: 5000, over: 1, percentileMs: 12 }],
  };
  const found = reportHtml(fakeReport([fakeMeasurement()], { search }));
  assert.match(found, /400\/s is the highest rate shown to keep p99\.9 within 20\.0 ms/);
  assert.match(found, /class="void"/);
  const both = [0, 1, 2].flatMap((repetition) => [
    fakeMeasurement({ latenciesMs: [1 + repetition / 1000] }, { repetition }),
    fakeMeasurement({ latenciesMs: [2] }, { repetition, side: 'against' }),
  ]);
  assert.match(
    reportHtml(fakeReport(both, { against: 'other:8001' })),
    /Compared, measured in turn.*class="left good">better/s,
  );
  assert.match(reportText(fakeReport(both, { against: 'other:8001' })), /p50 +2\.00 ms +1\.00 ms +-50%/);
});

test('the table leaves out what says nothing, and says void aloud', () => {
  const plain = reportTable([fakeMeasurement()]);
  assert.deepEqual(plain.heads, [
    'LOAD',
    'OFFERED/S',
    'OK/S',
    'GOODPUT',
    'P50',
    'P90',
    'P99',
    'P99.9',
    'MAX',
  ]);
  const busy = fakeMeasurement(
    { counts: { refused: 4, byStatus: { OK: 4, UNAVAILABLE: 4 } }, void: 'too busy' },
    { repetition: 1, server: { batchRows: 2 } },
  );
  const { heads, rows } = reportTable([fakeMeasurement(), busy]);
  assert.deepEqual(
    heads.filter((head) => !plain.heads.includes(head)),
    ['REP', 'BATCH', 'REFUSED', 'ERRORS', 'VOID'],
  );
  assert.deepEqual(rows[1]?.slice(-4), ['2.00', '50%', 'UNAVAILABLE 4', 'VOID']);
  assert.match(
    reportText(fakeReport([busy])),
    /^VOID: these figures.*\n {2}concurrency 1, repetition 2: too busy$/m,
  );
});

test('shares near all and near none are not rounded to them', () => {
  const table: readonly [share: number | null, text: string][] = [
    [1, '100%'],
    [0, '0%'],
    [0.9999, '99.99%'],
    [0.9999999, '>99.999%'],
    [0.0000001, '<0.001%'],
    [0.5, '50%'],
    [null, '–'],
  ];
  for (const [share, text] of table) assert.equal(percent(share), text);
  assert.deepEqual(
    [ms(0.0421), ms(1.234), ms(56.78), ms(1234), ms(12_345), ms(null)],
    ['0.042 ms', '1.23 ms', '56.8 ms', '1234 ms', '12.3 s', '–'],
  );
  assert.equal(statuses({ OK: 9, INTERNAL: 1, UNAVAILABLE: 3 }), 'UNAVAILABLE 3, INTERNAL 1');
  assert.equal(median([3, null, 1, undefined, 2, 10]), 2.5);
  assert.equal(escapeHtml(`<&>"'`), '&#60;&#38;&#62;&#34;&#39;');
});

test('axes have round ticks and keep every value within', () => {
  const label = String;
  assert.deepEqual(
    linearScale(93, label).ticks.map(({ value }) => value),
    [0, 25, 50, 75, 100],
  );
  assert.deepEqual(
    logScale(0.3, 40, label).ticks.map(({ value }) => value),
    [0.2, 0.5, 1, 2, 5, 10, 20, 50],
  );
  assert.deepEqual(
    logScale(0.03, 400, label).ticks.map(({ value }) => value),
    [0.1, 1, 10, 100],
  );
  assert.deepEqual(
    logScale(2, 9, label).ticks.map(({ value }) => value),
    [2, 5, 10],
  );
  assert.deepEqual(
    ninesScale(3).ticks.map(({ label: text }) => text),
    ['0%', '50%', '90%', '99%', '99.9%'],
  );
  for (const scale of [linearScale(0, label), linearScale(93, label), logScale(1, 1, label), ninesScale(2)]) {
    for (const value of [0, 0.5, 1, 93, 1e9, Number.NaN]) {
      const at = scale.at(value);
      assert.ok(at >= 0 && at <= 1);
    }
  }
  assert.deepEqual(
    spanScale(12, label).ticks.map(({ value }) => value),
    [0, 5, 10],
  );
  assert.equal(spanScale(12, label).at(12), 1);
  const nines = ninesScale(4);
  assert.ok(Math.abs(nines.at(0.999) - nines.at(0.99) - (nines.at(0.99) - nines.at(0.9))) < 1e-9);
});

test('reports are read back, and what is none is refused', () => {
  const report = fakeReport([fakeMeasurement()]);
  assert.deepEqual(readReport(JSON.stringify(report)), JSON.parse(JSON.stringify(report)));
  assert.throws(() => readReport('{'), /is not JSON/);
  assert.throws(() => readReport('{"format": "x"}'), /"format" is "x"; wanted "sluice-bench\/1"/);
  assert.throws(() => readReport('null'), /"format" is null/);
  assert.throws(
    () => readReport('{"format": "sluice-bench/1", "measurements": [{}]}'),
    /lacks parts of a report/,
  );
});
