import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupsOf } from '../../support/test-groups.js';

const named = (folder: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${folder}/${String(at).padStart(3, '0')}.test.js`);

test('every test file is in exactly one group, whatever the folders', () => {
  for (const files of [
    named('unit', 200),
    named('integration', 95),
    [...named('unit', 31), ...named('sim', 3)],
  ]) {
    assert.deepEqual(groupsOf(files).flat().sort(), [...files].sort());
  }
});

test('a large folder is dealt out evenly; neighbours are not together', () => {
  const groups = groupsOf(named('integration', 95));
  assert.equal(groups.length, 12);
  assert.deepEqual([...new Set(groups.map((group) => group.length))].sort(), [7, 8]);
  assert.ok(
    groups.every(
      (group) => !(group.includes('integration/000.test.js') && group.includes('integration/001.test.js')),
    ),
  );
});

test('a few named files, and those of a folder without a number of its own, run alone', () => {
  assert.deepEqual(
    groupsOf([...named('integration', 3), 'docs.test.js']).map((group) => group.length),
    [1, 1, 1, 1],
  );
  assert.deepEqual(groupsOf([]), []);
});

test('a file that looks at its own process does not share it', () => {
  const groups = groupsOf([...named('integration', 95), 'integration/prepare-limits.test.js']);
  assert.deepEqual(groups[0], ['integration/prepare-limits.test.js']);
  assert.equal(groups.length, 13);
});
