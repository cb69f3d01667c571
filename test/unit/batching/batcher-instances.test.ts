/** instance_group.count: how many batches of one version run at the same time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echo, flush, manifestOf, NOTHING_LEFT, Rig, rejected } from './rig.js';

const configuration = { inputs: [], outputs: [], parameters: {}, runtime: {}, instanceCount: 1 };
const ONE = manifestOf({ maxBatchSize: 1, configuration });

test('a version at its limit waits, others run, and the end of its batch is told', async () => {
  const rig = new Rig();
  const other = manifestOf({ model: 'other' });
  const first = rig.submit({ manifest: ONE, rows: [[1]] });
  const second = rig.submit({ manifest: ONE, rows: [[2]] });
  const { batch, command } = rig.run();
  assert.equal(rig.batcher.take(), undefined, 'its one place is taken');
  const third = rig.submit({ manifest: other, rows: [[3]] });
  assert.deepEqual(await rig.runAll(), [1]);
  assert.deepEqual([third.state, second.state], ['OK', 'pending']);
  const { signals } = rig;
  batch.complete(echo(command));
  assert.equal(rig.signals, signals + 1, 'a free worker that was turned away is called');
  assert.deepEqual(await rig.runAll(), [1]);
  assert.deepEqual([first.answer, second.answer], [[1], [2]]);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('however a batch ends, its place is free again', async () => {
  const rig = new Rig();
  const run = (rows: number) => {
    const pending = rig.submit({ manifest: ONE, rows: [[rows]] });
    return { pending, ...rig.run() };
  };
  run(1).batch.complete(rejected());
  run(2).batch.fail(new Error('no worker') as never);
  const gone = rig.submit({ manifest: ONE, inMs: 5 });
  const batch = rig.take();
  rig.clock.advance(10);
  assert.equal(batch.gather(), undefined, 'nobody waits any more');
  await flush();
  assert.equal(gone.state, 'DEADLINE_EXCEEDED');
  const last = run(4);
  last.batch.complete(echo(last.command));
  await flush();
  assert.equal(last.pending.state, 'OK');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('the parts of a rejected batch keep to the limit too', async () => {
  const rig = new Rig();
  const manifest = manifestOf({ maxBatchSize: 4, configuration });
  const all = [1, 2].map((x) => rig.submit({ manifest, rows: [[x]] }));
  rig.run().batch.complete(rejected());
  const part = rig.run();
  assert.equal(rig.batcher.take(), undefined);
  part.batch.complete(echo(part.command));
  assert.deepEqual(await rig.runAll(), [1]);
  assert.deepEqual(
    all.map(({ state }) => state),
    ['OK', 'OK'],
  );
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});
