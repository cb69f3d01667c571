import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aspiredByLabels,
  type LabelDemand,
  NO_DEMAND,
} from '../../../gateway/repository/labels/aspired-by-labels.js';
import { rollBack, setLabel } from '../../../gateway/repository/labels/change-label.js';
import { EMPTY_STATE, labelsOf } from '../../../gateway/repository/labels/desired-state.js';
import { found, scripted, tick } from './scripted-registry.js';

const note = { model: 'iris', label: 'stable', who: '', why: '', atMs: 1 };

test('labels ask for their versions, the kept ones before, and what serves until the new one is there', () => {
  const labels = { stable: { version: 3, from: 2, previous: [2, 1] }, canary: { version: 9, previous: [] } };
  const reached = aspiredByLabels(labels, 1, () => 'reached');
  assert.deepEqual([...reached.versions].sort(), [2, 3, 9]);
  assert.deepEqual(reached.targets.get('stable'), { version: 3 });
  const waiting = aspiredByLabels(labels, 0, () => 'awaited');
  assert.deepEqual([...waiting.versions].sort(), [2, 3, 9]);
  assert.deepEqual(waiting.targets.get('stable'), { version: 3, until: 2 });
});

test('a labelled version is loaded beside those of the policy, and answers who names nothing', async () => {
  let demand: LabelDemand = NO_DEMAND;
  const { registry, bringUp } = scripted({}, false, { demandOf: () => demand });
  registry.aspire(found({ iris: [1, 2, 3] }));
  await bringUp('iris/3');
  demand = aspiredByLabels(labelsOf(setLabel(EMPTY_STATE, note, 2), 'iris'), 1, () => 'awaited');
  registry.relabel();
  assert.throws(() => registry.lease('iris', ''), { code: 'UNAVAILABLE', message: /waits for version 2/ });
  await bringUp('iris/2');
  assert.equal(registry.describe('iris', '').version, 2);
  assert.equal(registry.describe('iris', 'stable').version, 2);
  assert.equal(registry.describe('iris', '3').version, 3);
  assert.throws(() => registry.describe('iris', 'blue'), {
    code: 'INVALID_ARGUMENT',
    message: /labels: stable/,
  });
});

test('a rollback to a kept version leads there at once, without a load', async () => {
  const versions = [1, 2];
  let state = versions.reduce((s, version) => setLabel(s, note, version), EMPTY_STATE);
  const { registry, trace } = scripted({}, true, {
    demandOf: () => aspiredByLabels(labelsOf(state, 'iris'), 1, () => 'reached'),
  });
  registry.aspire(found({ iris: versions }));
  await registry.settled();
  assert.equal(registry.describe('iris', '').version, 2);
  const before = trace.length;
  state = rollBack(state, note);
  registry.relabel();
  assert.equal(registry.describe('iris', '').version, 1);
  await tick();
  assert.equal(trace.length, before);
});

test('a version goes only when its label has arrived elsewhere', async () => {
  let state = setLabel(EMPTY_STATE, note, 1);
  let arrived = false;
  const { registry, pending, bringUp, next, states } = scripted({}, false, {
    demandOf: () => aspiredByLabels(labelsOf(state, 'iris'), 0, () => (arrived ? 'reached' : 'awaited')),
  });
  registry.aspire(found({ iris: [1, 2] }));
  await bringUp('iris/2');
  await bringUp('iris/1');
  state = setLabel(state, note, 2);
  registry.relabel();
  await tick();
  assert.equal(pending.unload.length, 0, 'it may still serve');
  arrived = true;
  registry.relabel();
  (await next('unload', 'iris/1')).succeed();
  await tick();
  assert.deepEqual(states(), ['iris/1 unloaded', 'iris/2 available']);
});

test('a version that is loaded for a label alone is not what a request without one gets, however large its number', async () => {
  const state = setLabel(EMPTY_STATE, { ...note, label: 'canary' }, 3);
  const { registry, bringUp } = scripted({ iris: { versionPolicy: { specific: [1] } } }, false, {
    demandOf: () => aspiredByLabels(labelsOf(state, 'iris'), 1, () => 'reached'),
  });
  registry.aspire(found({ iris: [1, 2, 3] }));
  await bringUp('iris/3');
  assert.equal(registry.describe('iris', '').version, 3, 'until one of the policy is there');
  await bringUp('iris/1');
  assert.equal(registry.describe('iris', '').version, 1);
  assert.equal(registry.describe('iris', 'canary').version, 3);
});
