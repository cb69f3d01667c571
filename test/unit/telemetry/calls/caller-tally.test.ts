import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallerTally } from '../../../../gateway/telemetry/calls/caller-tally.js';

const T = 1_000_000;

function use(caller: string, rows = 1, endedAt = T, refused = false) {
  return { caller, rows, bytes: 100 * rows, refused, endedAt };
}

test('calls, rows, bytes and refusals by caller, who took most first', () => {
  const tally = new CallerTally();
  for (let i = 0; i < 3; i++) tally.add(use('shop', 2));
  tally.add(use('shop', 0, T + 1, true));
  tally.add(use('batch', 50, T + 2));
  assert.deepEqual(tally.read(T + 1000), {
    overMs: 1000,
    callers: [
      { caller: 'batch', calls: 1, rows: 50, bytes: 5000, refused: 0 },
      { caller: 'shop', calls: 4, rows: 6, bytes: 600, refused: 1 },
    ],
  });
});

test('a report is of the last ten to twenty seconds: what is older is gone, also after a pause', () => {
  const tally = new CallerTally();
  tally.add(use('old', 9, T));
  tally.add(use('new', 1, T + 10_000));
  assert.deepEqual(
    tally.read(T + 15_000).callers.map(({ caller }) => caller),
    ['old', 'new'],
  );
  assert.equal(tally.read(T + 15_000).overMs, 15_000);
  assert.deepEqual(
    tally.read(T + 20_000).callers.map(({ caller }) => caller),
    ['new'],
  );
  assert.deepEqual(tally.read(T + 90_000), { overMs: 0, callers: [] });
});

test('who comes when every place is taken gets one, though strangers come between his calls', () => {
  const tally = new CallerTally();
  for (let i = 0; i < 500; i++) tally.add(use(`regular ${i % 100}`, 1, T));
  for (let i = 0; i < 5000; i++) {
    tally.add(use('hot', 1, T + 1));
    tally.add(use(`stranger ${i}`, 1, T + 1));
  }
  const { callers } = tally.read(T + 2);
  assert.equal(callers[0]?.caller, 'hot');
  // From where he has taken more than those who had the places before.
  assert.ok((callers[0]?.rows ?? 0) > 4000, JSON.stringify(callers[0]));
});

test('made-up names do not grow it, nor do they hide who really takes much, whenever he comes', () => {
  const tally = new CallerTally();
  for (let i = 0; i < 20_000; i++) {
    tally.add(use(`made up ${i}`, 1, T + i / 4));
    if (i % 20 === 0 && i > 5000) tally.add(use('hot', 4, T + i / 4));
  }
  const { callers } = tally.read(T + 6000);
  assert.ok(callers.length <= 200, String(callers.length));
  const hot = callers.find(({ caller }) => caller === 'hot');
  assert.ok(hot !== undefined && hot.rows >= 0.9 * 4 * 750, JSON.stringify(hot));
  assert.equal([...callers].sort((a, b) => b.rows - a.rows)[0]?.caller, 'hot');
});
