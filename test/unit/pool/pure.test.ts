import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_BACK_OFF, restartDelayMs } from '../../../gateway/pool/back-off.js';
import { DEFAULT_RETRY_LIMITS, decideRetry } from '../../../gateway/pool/retry-policy.js';
import { isLive, transition } from '../../../gateway/pool/slot-state.js';

test('decideRetry: a fault is retried while somebody waits and the batch is not itself the suspect', () => {
  const base = { attempts: 1, faults: 1, timeLeftMs: 50, closing: false };
  const rows: readonly [string, Partial<typeof base>, ReturnType<typeof decideRetry>][] = [
    ['the first worker died in it', {}, { retry: true }],
    ['it never started, however often', { attempts: 0, faults: 7 }, { retry: true }],
    ['two workers died in it', { attempts: 2, faults: 2 }, { retry: false, why: 'attempts' }],
    ['workers die faster than they start', { attempts: 0, faults: 8 }, { retry: false, why: 'faults' }],
    ['nobody waits any more', { timeLeftMs: 0 }, { retry: false, why: 'no_time' }],
    ['no deadline at all', { timeLeftMs: Number.POSITIVE_INFINITY }, { retry: true }],
    ['shutting down', { closing: true }, { retry: false, why: 'closing' }],
  ];
  for (const [sentence, change, expected] of rows)
    assert.deepEqual(decideRetry({ ...base, ...change }, DEFAULT_RETRY_LIMITS), expected, sentence);
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
