import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultOptions } from '../../faults/options.js';
import type { Scenario } from '../../faults/scenario.js';
import { SCENARIOS } from '../../faults/scenarios.js';
import { markdownTable, plainLine } from '../../faults/table.js';
import { failuresPage, faultRows, faultTable } from '../../support/docs/failures-page.js';

const scenario = SCENARIOS[0] as Scenario;
const verdict = {
  calls: 10,
  failed: 1,
  doubled: 0,
  wrong: 0,
  fullMs: 123.4,
  p99Services: 1.26,
  misses: ['one failed'],
};

test('a line has the figures, their bars, and what is missed', () => {
  assert.match(
    markdownTable([{ scenario, verdict }]),
    /\| 1 of 10 \| 0 \| 0 \| 123 ms \(350 ms\) \| 1\.3 \(3\) \| NO \|\n$/,
  );
  assert.match(plainLine({ scenario, verdict }), /MISS failed 1 of 10.*\n {4}one failed$/);
  assert.match(plainLine({ scenario, verdict: { notAvailable: 'no such thing' } }), /not run: no such thing/);
});

test('a table is found again in the page that it was put into', () => {
  const lines = SCENARIOS.map((one) => ({ scenario: one, verdict: { ...verdict, misses: [] } }));
  const table = markdownTable([...lines.slice(1), { scenario, verdict: { notAvailable: '' } }]);
  assert.equal(faultTable(failuresPage(table)), table);
  assert.deepEqual(faultRows(table).at(-1), { name: scenario.name, met: 'not run' });
  assert.deepEqual(faultRows(table)[0], { name: SCENARIOS[1]?.name, met: 'yes' });
});

test('options are read, and refused by name', () => {
  assert.deepEqual(faultOptions(['--seed', '7', '--only', 'leaks', '--json']), {
    seed: 7,
    only: ['leaks'],
    json: true,
    write: false,
  });
  assert.throws(() => faultOptions(['--seed', 'x']), /--seed is "x"/);
  assert.throws(() => faultOptions(['--write', '--only', 'leaks']), /needs every scenario/);
  assert.throws(() => faultOptions(['--sed', '1']), /--sed/);
});
