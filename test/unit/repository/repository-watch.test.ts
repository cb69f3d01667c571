import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../../gateway/core/deferred.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import type { Found } from '../../../gateway/repository/found.js';
import { LATE_LOOK_MS, PatientLook } from '../../../gateway/repository/patient-look.js';
import { RepositoryWatch } from '../../../gateway/repository/repository-watch.js';
import { FakeClock } from '../../support/fake-clock.js';

const NOTHING: Found = { models: [], problems: [], unusable: [], present: new Set() };

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

test('E83 a file system that hangs is told once, is not asked a second time meanwhile, and is watched on when it is back', async () => {
  const clock = new FakeClock();
  const told: unknown[] = [];
  let looks = 0;
  let answer = deferred<Found>();
  const watch = new RepositoryWatch(
    {
      scan: () => {
        looks++;
        return answer.promise;
      },
      aspire: () => assert.fail('nothing has changed'),
      clock,
      logger: { ...silentLogger, warn: (...words: unknown[]) => void told.push(words) },
      pollMs: 5_000,
    },
    NOTHING,
  );
  watch.start();
  clock.advance(5_000);
  clock.advance(LATE_LOOK_MS - 1);
  assert.deepEqual([looks, told.length], [1, 0]);
  clock.advance(10 * LATE_LOOK_MS);
  assert.deepEqual([looks, told.length], [1, 1]);
  const hung = answer;
  answer = deferred<Found>();
  hung.resolve(NOTHING);
  await settle();
  clock.advance(5_000);
  assert.equal(looks, 2);
  answer.resolve(NOTHING);
  await settle();
  assert.equal(clock.pendingTimers, 1, 'the next look');
  watch.close();
});

test('E83 a call that looks at a file system that hangs is UNAVAILABLE after its time, the next ones at once, until it is back', async () => {
  const clock = new FakeClock();
  let looks = 0;
  let answer = deferred<string>();
  const look = new PatientLook((_asked: string) => {
    looks++;
    return answer.promise;
  }, clock);
  const first = look.take('a');
  clock.advance(LATE_LOOK_MS);
  await assert.rejects(first, { code: 'UNAVAILABLE', message: /have not answered for 30 s/ });
  clock.advance(10_000);
  await assert.rejects(look.take('b'), { code: 'UNAVAILABLE', message: /have not answered for 40 s/ });
  assert.equal(looks, 1);
  answer.resolve('late');
  await settle();
  answer = deferred<string>();
  const again = look.take('c');
  answer.resolve('there');
  assert.equal(await again, 'there');
  assert.deepEqual([looks, clock.pendingTimers], [2, 0]);
});

test('a look that fails, fails the call with its reason', async () => {
  const clock = new FakeClock();
  const look = new PatientLook(() => Promise.reject(new Error('no')), clock);
  await assert.rejects(look.take('a'), /^Error: no$/);
  await assert.rejects(look.take('a'), /^Error: no$/);
  assert.equal(clock.pendingTimers, 0);
});
