/** Where a deadline passes, or a caller leaves, in the whole server; and the refusals that come before that. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import type { Gateway } from '../../gateway/gateway.js';
import { countedRuns, type SentRun } from '../support/counted-runs.js';
import { type DirectCall, inferDirectly, useWaiting } from '../support/waiting-server.js';

interface Serving {
  readonly gateway: Gateway;
  readonly runs: readonly SentRun[];
  call(options: DirectCall): Promise<Ending>;
}

interface Ending {
  readonly code: string;
  readonly reason: string | undefined;
  readonly afterMs: number;
}

/** One worker, one row a run of 200 ms; it has run once, so that it is known how long that takes. */
async function serve(t: TestContext): Promise<Serving> {
  const { openChannel, runs } = countedRuns();
  const { gateway } = await useWaiting(
    t,
    { wait: { costMs: { fixed: 200 }, maxBatchSize: 1 } },
    { workers: { count: 1 } },
    { openChannel },
  );
  await inferDirectly(gateway, 'wait');
  runs.length = 0;
  const call = async (options: DirectCall): Promise<Ending> => {
    const startedAt = systemClock.now();
    const after = (): number => systemClock.now() - startedAt;
    return inferDirectly(gateway, 'wait', options).then(
      () => ({ code: 'OK', reason: undefined, afterMs: after() }),
      ({ code, details }: GatewayError) => ({ code, reason: details.reason, afterMs: after() }),
    );
  };
  return { gateway, runs, call };
}

const endings = (...ends: readonly Ending[]) => ends.map(({ code, reason }) => [code, reason]);

test('B34 a deadline that no run could keep, or none behind what waits, is refused at once and never run', async (t) => {
  const { gateway, runs, call } = await serve(t);
  const tooShort = await call({ deadlineMs: 60 });
  assert.deepEqual(endings(tooShort), [['DEADLINE_EXCEEDED', 'too_short']]);
  assert.ok(tooShort.afterMs < 50, `told after ${tooShort.afterMs} ms`);
  const before = [call({}), call({}), call({ deadlineMs: 900 })];
  // Else the most urgent of all would be the first to run.
  while (gateway.batcher.stats().runningEntries === 0) await new Promise((resolve) => setImmediate(resolve));
  const behind = await call({ deadlineMs: 300 });
  // More urgent than the last of them, but not than the one that runs and has 200 ms to go.
  assert.deepEqual(endings(behind), [['UNAVAILABLE', 'backlog']]);
  assert.ok(behind.afterMs < 150, `told after ${behind.afterMs} ms`);
  assert.deepEqual(
    (await Promise.all(before)).map(({ code }) => code),
    ['OK', 'OK', 'OK'],
  );
  assert.equal(runs.length, 3);
});

test('B34 a deadline that passes in the queue, and one that passes in the run: DEADLINE_EXCEEDED within 50 ms, or so; the first is never run', async (t) => {
  const { gateway, runs, call } = await serve(t);
  gateway.batcher.hold();
  const queued = await call({ deadlineMs: 300 });
  assert.deepEqual(endings(queued), [['DEADLINE_EXCEEDED', 'deadline_passed']]);
  assert.ok(queued.afterMs >= 295 && queued.afterMs < 600, `told after ${queued.afterMs} ms`);
  const patient = call({});
  gateway.batcher.release();
  assert.equal((await patient).code, 'OK');
  assert.equal(runs.length, 1, 'the one that had expired was not run');
});
