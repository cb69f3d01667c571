import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../gateway/core/logger.js';
import type { ModelMemory } from '../../../gateway/core/manifest.js';
import {
  type HeldCopy,
  type MemorySituation,
  planMemory,
} from '../../../gateway/repository/memory-budget.js';
import type { MemoryAccount } from '../../../gateway/repository/memory-room.js';
import { found, scripted, tick } from './scripted-registry.js';

const MIB = 2 ** 20;

/** 1000 MiB, of which 900 may be taken; the server takes 100, the new version 2 x 50 and 20 on the way. */
function plan(held: readonly [string, number, HeldCopy['role']][], limitMib = 1000, workers = 2) {
  const situation: MemorySituation = {
    limit: { bytes: limitMib * MIB, source: 'cgroup v2 memory.max' },
    serverBytes: 100 * MIB,
    held: held.map(([key, mib, role]) => ({ key, bytes: mib * MIB, role })),
    incoming: { model: 'm', workers, memory: { sessionBytes: 50 * MIB, peakBytes: 70 * MIB } },
  };
  return planMemory(situation);
}

test('what fits up to the last byte below the limit less a tenth is loaded', () => {
  assert.deepEqual(plan([]), { kind: 'fits' });
  assert.deepEqual(plan([['a/1', 680, 'served']]), { kind: 'fits' });
  assert.equal(plan([['a/1', 681, 'served']]).kind, 'refuse');
  assert.equal(plan([['a/1', 680, 'served']], 1000, 3).kind, 'refuse', 'each worker counts');
});

test('as few kept versions as will do are given up, those of the same model first, the oldest, then the largest', () => {
  const kept: [string, number, HeldCopy['role']][] = [
    ['a/1', 100, 'kept'],
    ['m/1', 30, 'kept'],
    ['m/2', 40, 'kept'],
    ['b/1', 200, 'kept'],
    ['mm/1', 10, 'kept'],
  ];
  assert.deepEqual(plan([...kept, ['a/2', 300, 'served']]), { kind: 'fits' });
  assert.deepEqual(plan([...kept, ['a/2', 301, 'served']]), { kind: 'give_up', keys: ['m/1'] });
  assert.deepEqual(plan([...kept, ['a/2', 371, 'served']]), { kind: 'give_up', keys: ['m/1', 'm/2', 'b/1'] });
  assert.deepEqual(plan([...kept, ['a/2', 680, 'served']]), {
    kind: 'give_up',
    keys: ['m/1', 'm/2', 'b/1', 'a/1', 'mm/1'],
  });
});

test('nothing is given up where that would not do, nor where what is leaving makes the room', () => {
  const refused = plan([
    ['a/1', 100, 'kept'],
    ['a/2', 681, 'served'],
  ]);
  assert.deepEqual(refused, {
    kind: 'refuse',
    why:
      'it needs 120 MiB of memory (2 x 50 MiB, 70 MiB while it is loaded), 881 MiB are in use, and of 1000 MiB ' +
      '(cgroup v2 memory.max) 900 MiB may be: give it more, serve fewer versions, or have fewer workers',
  });
  const leaving: [string, number, HeldCopy['role']][] = [
    ['a/1', 100, 'kept'],
    ['a/2', 500, 'served'],
    ['b/1', 100, 'leaving'],
  ];
  assert.deepEqual(plan(leaving), { kind: 'wait' });
});

const MEMORY: ModelMemory = { sessionBytes: 100 * MIB, peakBytes: 100 * MIB };

/** Each version takes 100 MiB, the server 100. */
function account(allowedMib: number): MemoryAccount {
  return {
    limit: { bytes: (allowedMib * MIB) / 0.9 + 1, source: 'test' },
    residentBytes: () => 100 * MIB,
    workersOf: () => 1,
  };
}

test('a load gives up what is merely kept, waits until it is gone, and never what answers callers', async () => {
  const told: unknown[] = [];
  const logger = { ...silentLogger, warn: (...words: unknown[]) => void told.push(words) };
  const { registry, clock, trace, next, bringUp, states } = scripted(
    {},
    false,
    { keepPrevious: 2, memory: account(400), logger },
    MEMORY,
  );
  registry.aspire(found({ m: [1] }));
  await bringUp('m/1');
  registry.aspire(found({ m: [1, 2] }));
  await bringUp('m/2');
  assert.deepEqual(states(), ['m/1 available', 'm/2 available']);
  const held = registry.lease('m', '1');
  registry.aspire(found({ m: [1, 2, 3] }));
  await bringUp('m/3');
  assert.deepEqual(states(), ['m/1 available', 'm/2 available', 'm/3 available'], 'three fit');
  registry.aspire(found({ m: [1, 2, 3, 4] }));
  (await next('prepare', 'm/4')).succeed();
  await tick();
  assert.deepEqual(states(), ['m/1 draining', 'm/2 available', 'm/3 available', 'm/4 loading']);
  const given = { model: 'm', version: 4, given: ['m/1'] };
  assert.deepEqual(told, [[given, 'Kept versions are given up: memory is short']]);
  clock.advance(1000);
  await tick();
  assert.ok(!trace.includes('load m/4'), 'a request still holds it');
  held.release();
  (await next('unload', 'm/1')).succeed();
  await tick();
  clock.advance(20);
  (await next('load', 'm/4')).succeed();
  await tick();
  assert.deepEqual(states(), ['m/1 unloaded', 'm/2 available', 'm/3 available', 'm/4 available']);
});

test('a load that would fit beside nothing that may go fails with the figures, and what answers serves on', async () => {
  const { registry, trace, next, bringUp, states } = scripted(
    {},
    false,
    { keepPrevious: 1, memory: account(250) },
    MEMORY,
  );
  registry.aspire(found({ m: [1] }));
  await bringUp('m/1');
  // What is kept from here on is what answers until the next one is there.
  registry.aspire(found({ m: [1, 2] }));
  (await next('prepare', 'm/2')).succeed();
  await tick();
  assert.deepEqual(states(), ['m/1 available', 'm/2 failed']);
  assert.match(registry.list()[1]?.reason ?? '', /it needs 100 MiB of memory .* 200 MiB are in use/);
  assert.ok(!trace.some((step) => step === 'load m/2' || step === 'unload m/1'));
});

test('a load whose room does not come free in time fails', async () => {
  const { registry, clock, next, bringUp, states } = scripted(
    {},
    false,
    { keepPrevious: 1, memory: account(300) },
    MEMORY,
  );
  registry.aspire(found({ m: [1] }));
  await bringUp('m/1');
  registry.aspire(found({ m: [1, 2] }));
  await bringUp('m/2');
  registry.lease('m', '1');
  registry.aspire(found({ m: [1, 2], n: [1] }));
  (await next('prepare', 'n/1')).succeed();
  for (let ms = 0; ms <= 10_000; ms += 20) {
    await tick();
    clock.advance(20);
  }
  await tick();
  assert.deepEqual(states(), ['m/1 draining', 'm/2 available', 'n/1 failed']);
  assert.match(registry.list().at(-1)?.reason ?? '', /what was given up for its memory is still in use/);
});
