import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Abilities, nemesisPlan, type PlannedAct } from '../../soak/nemesis.js';

const ALL: Abilities = { isolation: 'process', hangs: true, resize: true, workers: 2 };
const hour = (seed: number, changes: Partial<Abilities> = {}) =>
  nemesisPlan(seed, 3_600_000, { ...ALL, ...changes });
const has = (plan: readonly PlannedAct[], text: string) =>
  plan.some(({ act }) => JSON.stringify(act).includes(text));

test('the same seed gives the same acts, in order, with quiet at the end', () => {
  const plan = hour(1);
  assert.deepEqual(hour(1), plan);
  assert.notDeepEqual(hour(2), plan);
  for (const [i, { atMs }] of plan.entries()) assert.ok(atMs > (plan[i - 1]?.atMs ?? 0));
  assert.ok((plan.at(-1)?.atMs as number) < 3_600_000 - 3000);
});

test('every kind of act comes, and none that the server cannot survive or this build does not know', () => {
  for (const text of [
    'throw',
    'exit',
    'allocate',
    'load',
    'warm-up',
    'guilty',
    'resize',
    'SIGKILL',
    'SIGSTOP',
    'abort',
    'hang-native',
  ])
    assert.ok(has(hour(1), text), text);
  const threads = hour(1, { isolation: 'thread' });
  for (const text of ['SIG', 'abort', 'kill', 'hang-native']) assert.ok(!has(threads, text), text);
  assert.equal(threads.filter(({ act }) => JSON.stringify(act).includes('"hang"')).length, 1);
  assert.ok(!has(hour(1, { hangs: false }), 'hang') && !has(hour(1, { hangs: false }), 'SIGSTOP'));
  assert.ok(!has(hour(1, { resize: false }), 'resize'));
  for (const { act } of hour(1)) if (act.kind === 'resize') assert.ok(act.workers >= 1 && act.workers <= 3);
});
