import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_BACK_OFF, restartDelayMs } from '../../../gateway/pool/back-off.js';
import { RetryBudget } from '../../../gateway/pool/retry-budget.js';
import { DEFAULT_RETRY_LIMITS, decideRetry } from '../../../gateway/pool/retry-policy.js';
import { isLive, transition } from '../../../gateway/pool/slot-state.js';

test('decideRetry: a fault is retried while somebody waits and the batch is not itself the suspect', () => {
  const base = {
    attempts: 1,
    faults: 1,
    requests: 4,
    timeLeftMs: 50,
    closing: false,
    withinBudget: (): boolean => assert.fail('the first retry is not out of the budget'),
  };
  const spent = { faults: 2, withinBudget: () => false };
  const rows: readonly [string, Partial<typeof base>, ReturnType<typeof decideRetry>][] = [
    ['the first worker died in it', {}, { kind: 'again' }],
    ['it never started', { attempts: 0 }, { kind: 'again' }],
    [
      'it never started, however often',
      { attempts: 0, faults: 7, withinBudget: () => true },
      { kind: 'again' },
    ],
    ['the budget for that is spent', { attempts: 0, ...spent }, { kind: 'give_up', why: 'budget' }],
    ['two workers died in it', { attempts: 2, ...spent }, { kind: 'split' }],
    ['two workers died in one request', { attempts: 2, requests: 1, ...spent }, { kind: 'quarantine' }],
    [
      'workers die faster than they start',
      { attempts: 0, faults: 8, withinBudget: () => true },
      { kind: 'give_up', why: 'faults' },
    ],
    ['nobody waits any more', { attempts: 2, timeLeftMs: 0 }, { kind: 'give_up', why: 'no_time' }],
    ['no deadline at all', { timeLeftMs: Number.POSITIVE_INFINITY }, { kind: 'again' }],
    ['shutting down', { closing: true }, { kind: 'give_up', why: 'closing' }],
  ];
  for (const [sentence, change, expected] of rows)
    assert.deepEqual(decideRetry({ ...base, ...change }, DEFAULT_RETRY_LIMITS), expected, sentence);
});

test('RetryBudget: a tenth of what was sent, with some in advance and a bound on what is saved', () => {
  const takeAll = (budget: RetryBudget): number => {
    let taken = 0;
    while (budget.take()) taken++;
    return taken;
  };
  const budget = new RetryBudget();
  assert.equal(takeAll(budget), 10);
  for (let i = 0; i < 55; i++) budget.sent();
  assert.equal(takeAll(budget), 5);
  for (let i = 0; i < 100_000; i++) budget.sent();
  assert.equal(takeAll(budget), 100);
});

test('restartDelayMs: at once after the first death, then doubling with jitter, bounded', () => {
  const rows: readonly [number, number, number][] = [
    [1, 0.9, 0],
    [2, 0, 50],
    [2, 1, 100],
    [3, 1, 200],
    [5, 0.5, 600],
    [40, 1, 10_000],
    [4000, 0, 5_000],
  ];
  for (const [failures, random, expected] of rows)
    assert.equal(restartDelayMs(failures, random, DEFAULT_BACK_OFF), expected, `${failures} deaths`);
});

test('slot states: what is not in the table throws, and names what is', () => {
  assert.equal(transition('starting', 'warming'), 'warming');
  assert.equal(transition('busy', 'suspect'), 'suspect');
  assert.throws(
    () => transition('starting', 'busy'),
    /from starting to busy, only to warming, dead, stopped/,
  );
  assert.throws(() => transition('stopped', 'starting'), /only to nothing/);
  assert.throws(() => transition('cooling', 'ready'), /from cooling to ready/);
  assert.deepEqual(
    (['starting', 'warming', 'ready', 'busy', 'suspect', 'dead', 'cooling', 'stopped'] as const).filter(
      isLive,
    ),
    ['ready', 'busy'],
  );
});
