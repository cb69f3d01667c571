import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricPush } from '../../../gateway/telemetry/metrics-export/metric-push.js';
import { FakeClock } from '../../support/fake-clock.js';

/** What is promised has come about. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function rig() {
  const clock = new FakeClock();
  const failures: unknown[] = [];
  const open: ((failure: unknown) => void)[] = [];
  let throws = false;
  const push = new MetricPush({
    clock,
    ...{ intervalMs: 100, timeoutMs: 250 },
    send: (done) => {
      open.push(done);
      if (throws) throw new Error('broken');
    },
    onFailure: (failure) => failures.push(failure),
  });
  push.start();
  return { clock, push, open, failures, breakIt: () => (throws = true) };
}

test('they are sent at each interval, and not while the last export runs', async () => {
  const { clock, open, failures } = rig();
  clock.advance(99);
  assert.equal(open.length, 0);
  clock.advance(1);
  assert.equal(open.length, 1);
  clock.advance(200);
  assert.equal(open.length, 1);
  open[0]?.(undefined);
  await settle();
  clock.advance(100);
  assert.equal(open.length, 2);
  assert.deepEqual(failures, []);
});

test('an export that fails, throws or is not answered in time is told of, and the next one is made', async () => {
  const { clock, open, failures, breakIt } = rig();
  clock.advance(100);
  open[0]?.(new Error('refused'));
  await settle();
  clock.advance(100);
  assert.equal(open.length, 2);
  clock.advance(250);
  assert.match(String(failures[1]), /no answer within 250 ms/);
  // What is answered too late is answered to nobody.
  open[1]?.(new Error('late'));
  breakIt();
  await settle();
  clock.advance(100);
  assert.deepEqual(
    failures.map((failure) => (failure as Error).message),
    ['refused', 'no answer within 250 ms', 'broken'],
  );
  await settle();
  clock.advance(100);
  assert.equal(open.length, 4);
});

test('at the end they are sent once more, after the one that runs, for so long and no longer; then never', async () => {
  const { clock, push, open } = rig();
  clock.advance(100);
  const closed = push.close(1000);
  open[0]?.(undefined);
  await settle();
  assert.equal(open.length, 2);
  open[1]?.(undefined);
  await closed;
  clock.advance(10_000);
  assert.equal(open.length, 2);
  assert.equal(clock.pendingTimers, 0);

  const hanging = rig();
  hanging.clock.advance(100);
  const late = hanging.push.close(50);
  hanging.clock.advance(50);
  await late;
});
