import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Page, parsePage } from '../../../../cli/scrape/page.js';

const TEXT = `# HELP sluice_requests_total Inference requests, by "code".
# TYPE sluice_requests_total counter
sluice_requests_total{model="a",version="1",code="OK"} 10
sluice_requests_total{model="a",version="1",code="INTERNAL"} 2
sluice_requests_total{model="we\\"ird}\\\\\\n, x=\\"1",version="2",code="OK"} 3 1395066363000
sluice_ready 1
sluice_latency_bucket{le="+Inf"} 7 # {trace_id="0af7"} 0.67 1520879607.7
sluice_odd +Inf
sluice_nan NaN
sluice_broken{model="a 5
sluice_no_value{model="a"}
process_cpu_seconds_total 12
other{le="1"} 3
`;

test('series are found by name and labels, summed, and grouped', () => {
  const page = parsePage(TEXT);
  assert.equal(page.sum('sluice_requests_total'), 15);
  assert.equal(page.sum('sluice_requests_total', { model: 'a' }), 12);
  assert.equal(page.sum('sluice_requests_total', { model: 'a', code: 'INTERNAL' }), 2);
  assert.equal(page.sum('sluice_requests_total', { model: 'nobody' }), undefined);
  assert.deepEqual(Object.fromEntries(page.by('sluice_requests_total', 'code')), { OK: 13, INTERNAL: 2 });
  assert.equal(page.sum('sluice_ready'), 1);
});

test('label values with quotes, braces, backslashes and ends of line; times and exemplars; infinity', () => {
  const page = parsePage(TEXT);
  const [, , odd] = page.series('sluice_requests_total');
  assert.deepEqual({ ...odd?.labels }, { model: 'we"ird}\\\n, x="1', version: '2', code: 'OK' });
  assert.equal(page.sum('sluice_latency_bucket', { le: '+Inf' }), 7);
  assert.equal(page.sum('sluice_odd'), Number.POSITIVE_INFINITY);
});

test('what is no line, is not a number, or is not ours is passed over', () => {
  const page = parsePage(TEXT);
  for (const name of ['sluice_nan', 'sluice_broken', 'sluice_no_value', 'process_cpu_seconds_total', 'other'])
    assert.equal(page.sum(name), undefined, name);
  assert.equal(page.size, 6);
  assert.equal(parsePage('').size, 0);
  assert.equal(parsePage('sluice_ready 1').sum('sluice_ready'), 1, 'a last line without an end');
  assert.equal(parsePage('sluice_x{__proto__="a"} 1').sum('sluice_x', { y: 'a' }), undefined);
});

test('a page without end is cut', () => {
  function* endless() {
    for (;;) yield { name: 'sluice_x', labels: {}, value: 1 };
  }
  assert.equal(new Page(endless()).size, 500_000);
});
