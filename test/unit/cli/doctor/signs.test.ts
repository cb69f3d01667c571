import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signsOf } from '../../../../cli/doctor/signs.js';
import { type Page, parsePage } from '../../../../cli/scrape/page.js';

function page(requests: number, extra = ''): Page {
  const of = 'model="m",version="2"';
  return parsePage(`
sluice_process_start_time_seconds 7
sluice_requests_total{${of},code="OK"} ${requests}
sluice_request_bytes_bucket{le="1024",${of}} 0
sluice_request_bytes_bucket{le="4096",${of}} ${requests}
sluice_request_bytes_bucket{le="+Inf",${of}} ${requests}
sluice_request_bytes_sum{${of}} ${requests * 2000}
sluice_request_bytes_count{${of}} ${requests}
sluice_batch_compute_duration_seconds_sum{${of}} ${requests / 100}
sluice_batch_compute_duration_seconds_count{${of}} ${requests / 4}
sluice_batch_rows_sum{${of}} ${requests}
sluice_batch_rows_count{${of}} ${requests / 4}
sluice_trace_spans_total{outcome="exported"} ${requests}
sluice_trace_spans_total{outcome="dropped"} ${requests / 10}
sluice_trace_spans_total{outcome="failed"} ${requests / 10}
sluice_workers_lost_total{slot="0"} 1
sluice_workers_lost_total{slot="1"} ${requests / 100}
sluice_slot_restarts_total{crew="",slot="0"} 3
sluice_process_cpu_seconds_total{mode="user"} ${requests / 100}
sluice_cpu_throttled_seconds_total ${requests / 200}
sluice_cpu_cores 2
${extra}`);
}

test('what the rules look at is of the time between the looks; what they compare with, of all time', () => {
  const lanes = [
    { model: 'm', version: 2, latency: { fixedMs: 1, perRowMs: 2 } },
    { model: 'm', version: 1 },
  ];
  const signs = signsOf({
    ...{ origin: 'http://h:1', before: page(100), after: page(300), seconds: 10, lanes, callers: undefined },
  });
  const [version] = signs.versions;
  assert.deepEqual(
    [version?.bytesPerSec, version?.meanBytes, version?.line, version?.runMs],
    [40_000, 2000, { fixedMs: 1, perRowMs: 2 }, 40],
  );
  assert.ok(Math.abs((version?.p99Bytes ?? 0) - 4065) < 5, String(version?.p99Bytes));
  assert.deepEqual(version?.ever, { runs: 75, runMs: 40, rowsPerRun: 4 });
  assert.deepEqual(
    [signs.spans, signs.spansEver],
    [
      { exported: 200, lost: 40 },
      { exported: 300, lost: 60 },
    ],
  );
  assert.deepEqual([signs.lostSlots, signs.restartsEver], [['1'], 3]);
  assert.deepEqual([signs.coresUsed, signs.heldBackPerSec, signs.cores], [0.2, 0.1, 2]);
});

test('a server that tells less: nothing is made up', () => {
  const empty = parsePage('sluice_process_start_time_seconds 7');
  const signs = signsOf({
    ...{ origin: '', before: empty, after: empty, seconds: 10, lanes: undefined, callers: undefined },
  });
  assert.deepEqual([signs.versions, signs.lostSlots, signs.cores, signs.quarantined], [[], [], 0, 0]);
});

test('a thousand versions take no longer than a few looks at the page', () => {
  const lines = Array.from({ length: 1000 }, (_, i) =>
    Array.from(
      { length: 100 },
      (_, b) => `sluice_request_bytes_bucket{model="m${i}",version="1",le="${b}"} ${b}`,
    ).concat(`sluice_requests_total{model="m${i}",version="1",code="OK"} ${i}`),
  );
  const large = page(10, lines.flat().join('\n'));
  const begun = process.cpuUsage();
  const signs = signsOf({
    ...{ origin: '', before: large, after: large, seconds: 10, lanes: undefined, callers: undefined },
  });
  const { user, system } = process.cpuUsage(begun);
  assert.equal(signs.versions.length, 1001);
  // 0.3 s; looking for each version among all series took 14 s.
  assert.ok((user + system) / 1e6 < 4, `${(user + system) / 1e6} s of CPU`);
});
