import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseVersion, type LabelTarget } from '../../../gateway/repository/choose-version.js';

const labels = new Map<string, LabelTarget>([
  ['stable', { version: 2 }],
  ['canary', { version: 9, until: 3 }],
]);

test('without labels: the version named, else the largest, none of none', () => {
  assert.deepEqual(chooseVersion({}, new Map(), []), { kind: 'none' });
  assert.deepEqual(chooseVersion({}, new Map(), [2, 10, 9]), { kind: 'version', version: 10 });
  assert.deepEqual(chooseVersion({ version: 4 }, labels, []), { kind: 'version', version: 4 });
});

test('nothing named: the default label decides where it is set', () => {
  assert.deepEqual(chooseVersion({}, labels, [2, 3]), { kind: 'version', version: 2 });
  assert.deepEqual(chooseVersion({}, labels, [3]), { kind: 'waiting', label: 'stable', version: 2 });
});

test('a label leads to its version; while it waits, to the one before; else it says for what it waits', () => {
  const want = { label: 'canary' };
  assert.deepEqual(chooseVersion(want, labels, [3, 9]), { kind: 'version', version: 9 });
  assert.deepEqual(chooseVersion(want, labels, [2, 3]), { kind: 'version', version: 3 });
  assert.deepEqual(chooseVersion(want, labels, [2]), { kind: 'waiting', label: 'canary', version: 9 });
});

test('a label that is not set is never answered by another version', () => {
  assert.deepEqual(chooseVersion({ label: 'blue' }, labels, [2]), { kind: 'no_label', label: 'blue' });
});
