import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOf } from '../../../../cli/scrape/options.js';
import { parsePage } from '../../../../cli/scrape/page.js';
import { viewOf } from '../../../../cli/scrape/view.js';

function page(start: number, ok: number, failed: number, refused: number, extra = '') {
  return parsePage(`
sluice_process_start_time_seconds ${start}
sluice_build_info{version="1.2.3"} 1
sluice_ready 1
sluice_slots{state="ready"} 1
sluice_slots{state="dead"} 1
sluice_workers_wanted 2
sluice_slot_busy_seconds_total{crew="a",slot="0"} ${ok / 40}
sluice_slot_restarts_total{crew="a",slot="0"} 2
sluice_requests_total{model="a",version="1",code="OK"} ${ok}
sluice_requests_total{model="a",version="1",code="INTERNAL"} ${failed}
sluice_requests_refused_total{model="a",version="1",reason="queue_full"} ${refused}
sluice_requests_refused_total{model="a",version="1",reason="quota"} 1
sluice_model_version_state{model="a",version="1",state="available"} 1
sluice_model_version_state{model="a",version="2",state="failed"} 1
sluice_batch_rows_sum{model="a",version="1"} ${2 * ok}
sluice_batch_rows_count{model="a",version="1"} ${ok / 2}
sluice_batch_compute_duration_seconds_sum{model="a",version="1"} ${ok / 100}
sluice_batch_compute_duration_seconds_count{model="a",version="1"} ${ok / 2}
${extra}`);
}

test('two looks make rates: of the server, by reason, and of each version, the busiest first', () => {
  const view = viewOf(page(7, 100, 5, 3), page(7, 300, 15, 43), 10);
  assert.deepEqual(
    [view.seconds, view.release, view.ready, view.requestsPerSec, view.failedPerSec],
    [10, '1.2.3', true, 21, 1],
  );
  assert.deepEqual(view.refusedPerSec, { queue_full: 4 });
  assert.deepEqual([view.slots, view.workersWanted], [{ ready: 1, dead: 1 }, 2]);
  assert.deepEqual(view.places, [{ crew: 'a', slot: '0', restarts: 2, busyShare: 0.5 }]);
  const [one, two] = view.versions;
  assert.deepEqual(
    [one?.version, one?.state, one?.requestsPerSec, one?.rowsPerSec, one?.rowsPerRun, one?.runMs, one?.runs],
    ['1', 'available', 21, 40, 4, 20, 100],
  );
  assert.deepEqual([two?.version, two?.state, two?.requestsPerSec], ['2', 'failed', 0]);
});

test('the first look, and the first after a restart, has no rates', () => {
  for (const before of [undefined, page(6, 1000, 5, 3)]) {
    const view = viewOf(before, page(7, 300, 15, 43), 10);
    assert.deepEqual(
      [view.seconds, view.requestsPerSec, view.failedPerSec, view.refusedPerSec, view.versions[0]?.runMs],
      [undefined, undefined, undefined, {}, undefined],
    );
  }
});

test('the CPU quota: the share of the periods between the looks, where the machine tells of any', () => {
  const periods = (all: number, held: number) =>
    `sluice_cpu_periods_total ${all}\nsluice_cpu_throttled_periods_total ${held}`;
  const share = (before: string, after: string) =>
    viewOf(page(7, 0, 0, 0, before), page(7, 0, 0, 0, after), 10).throttledShare;
  assert.equal(share(periods(100, 90), periods(200, 115)), 0.25);
  assert.equal(share('', ''), undefined);
});

test('places: host and port or a URL, its path unless there is one', () => {
  const rows: [given: string, secure: boolean, wanted: string][] = [
    ['localhost:8000', false, 'http://localhost:8000/metrics'],
    ['10.0.0.7', true, 'https://10.0.0.7/metrics'],
    ['[::1]:8002', false, 'http://[::1]:8002/metrics'],
    ['https://a.example/sluice/metrics', false, 'https://a.example/sluice/metrics'],
  ];
  for (const [given, secure, wanted] of rows) assert.equal(placeOf(given, secure).href, wanted);
  for (const wrong of ['', 'ftp://a', 'http://', 'http://user:secret@host'])
    assert.throws(() => placeOf(wrong, false), /wanted host:port or a URL/);
});
