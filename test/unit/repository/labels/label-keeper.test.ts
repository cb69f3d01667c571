import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../gateway/core/logger.js';
import { removeLabel, rollBack, setLabel } from '../../../../gateway/repository/labels/change-label.js';
import { type DesiredState, EMPTY_STATE } from '../../../../gateway/repository/labels/desired-state.js';
import { LabelKeeper } from '../../../../gateway/repository/labels/label-keeper.js';
import { type LabelStore, memoryStore } from '../../../../gateway/repository/labels/label-store.js';
import { FakeClock } from '../../../support/fake-clock.js';

const note = { model: 'iris', label: 'stable', who: '', why: '', atMs: 1 };
const through = (...versions: number[]): DesiredState =>
  versions.reduce((state, version) => setLabel(state, note, version), EMPTY_STATE);

function keeperOf(store: LabelStore, clock = new FakeClock()): LabelKeeper {
  return new LabelKeeper({ store, clock, logger: silentLogger, pollMs: 1000, keepPrevious: 1 });
}

/** Lets promise callbacks run. */
async function tick(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

test('a change of another server is seen at the next poll', async () => {
  const clock = new FakeClock();
  const store = memoryStore(EMPTY_STATE);
  const [mine, other] = [keeperOf(store, clock), keeperOf(store)];
  let told = 0;
  mine.onChange = () => void told++;
  await mine.start();
  await other.change((state) => setLabel(state, note, 2));
  assert.equal(mine.state.generation, 0);
  clock.advance(1000);
  await tick();
  assert.deepEqual([mine.state.generation, told], [1, 1]);
  mine.close();
});

test('changes of several servers at once are all made, one after the other', async () => {
  const store = memoryStore(EMPTY_STATE);
  const keepers = [1, 2, 3, 4, 5].map(() => keeperOf(store));
  await Promise.all(
    keepers.map((keeper, n) => keeper.change((state) => setLabel(state, { ...note, label: `l${n}` }, 1))),
  );
  const { generation, labels } = await store.read();
  assert.equal(generation, 5);
  assert.equal(Object.keys(labels['iris'] ?? {}).length, 5);
});

test('what cannot be read leaves the labels as they are; at start it is fatal', async () => {
  const clock = new FakeClock();
  const store = memoryStore(through(1));
  let broken = false;
  const flaky: LabelStore = {
    ...store,
    read: () => (broken ? Promise.reject(new Error('gone')) : store.read()),
  };
  const keeper = keeperOf(flaky, clock);
  await keeper.start();
  broken = true;
  clock.advance(1000);
  await tick();
  assert.equal(keeper.state.generation, 1);
  await assert.rejects(keeper.change((state) => setLabel(state, note, 2)));
  assert.equal(keeper.state.generation, 1);
  await assert.rejects(keeperOf(flaky).start());
  keeper.close();
});

test('a store that is read only refuses changes, and says why', async () => {
  const keeper = keeperOf({ ...memoryStore(EMPTY_STATE), readOnly: 'change the file' });
  const wanted = { code: 'FAILED_PRECONDITION', message: 'change the file' };
  await assert.rejects(
    keeper.change((state) => setLabel(state, note, 2)),
    wanted,
  );
});

test('until its version has been there a label leads to the one before, then no more', async () => {
  const keeper = keeperOf(memoryStore(through(1, 2)));
  await keeper.start();
  assert.deepEqual(keeper.demandOf('iris', [1]).targets.get('stable'), { version: 2, until: 1 });
  assert.deepEqual(keeper.demandOf('iris', [1, 2]).targets.get('stable'), { version: 2 });
  assert.deepEqual(keeper.demandOf('iris', [1]).targets.get('stable'), { version: 2 });
  keeper.close();
});

test('after a restart a version that was rolled back never serves again in place of the one before', async () => {
  const keeper = keeperOf(memoryStore(rollBack(through(1, 2), note)));
  await keeper.start();
  const demand = keeper.demandOf('iris', [2]);
  assert.deepEqual(demand.targets.get('stable'), { version: 1 });
  assert.deepEqual([...demand.versions], [1]);
  keeper.close();
});

test('a version whose signature is not what clients of the label know is held, until it is let through', async () => {
  const store = memoryStore(setLabel(setLabel(EMPTY_STATE, note, 1), { ...note, accepts: 'known' }, 2));
  const keeper = keeperOf(store);
  await keeper.start();
  const target = (digest: string) => keeper.demandOf('iris', [1, 2], () => digest).targets.get('stable');
  assert.deepEqual(target('other'), { version: 2, until: 1, held: true });
  await keeper.change((state) => setLabel(state, { ...note, accepts: 'known' }, 2));
  assert.deepEqual(
    target('other'),
    { version: 2, until: 1, held: true },
    'the same move again changes nothing',
  );
  await keeper.change((state) => setLabel(state, note, 2));
  assert.deepEqual(target('other'), { version: 2 });
  assert.equal(keeper.state.history.length, 3);
  keeper.close();
});

test('a version with the signature that clients know is reached as soon as it is there', async () => {
  const keeper = keeperOf(memoryStore(setLabel(through(1), { ...note, accepts: 'known' }, 2)));
  await keeper.start();
  const target = (available: number[]) =>
    keeper.demandOf('iris', available, () => 'known').targets.get('stable');
  assert.deepEqual(target([1]), { version: 2, until: 1 });
  assert.deepEqual(target([1, 2]), { version: 2 });
  keeper.close();
});

test('a label that is removed and set anew waits for its version as a new one does: what answered before goes on', async () => {
  const keeper = keeperOf(memoryStore(EMPTY_STATE));
  await keeper.start();
  const first = { ...note, served: 1 };
  await keeper.change((state) => setLabel(state, first, 2));
  assert.deepEqual(keeper.demandOf('iris', [1]).targets.get('stable'), { version: 2, until: 1 });
  assert.deepEqual(keeper.demandOf('iris', [1, 2]).targets.get('stable'), { version: 2 });
  await keeper.change((state) => removeLabel(state, note));
  // Version 2 has gone meanwhile.
  await keeper.change((state) => setLabel(state, first, 2));
  assert.deepEqual(keeper.demandOf('iris', [1]).targets.get('stable'), { version: 2, until: 1 });
  keeper.close();
});
