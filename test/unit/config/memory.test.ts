import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryLimit, prepareBytes } from '../../../gateway/config/memory.js';

const GIB = 2 ** 30;

test('a preparation gets half of the memory unless told otherwise, but what the process itself needs', () => {
  assert.equal(prepareBytes('auto', { memoryBytes: 8 * GIB }), 4 * GIB);
  assert.equal(prepareBytes('auto', { memoryBytes: GIB / 4 }), GIB / 2);
  assert.equal(prepareBytes(600, { memoryBytes: GIB }), 600);
});

test('the limit is what the container is given, and says who gave it', () => {
  const machine = { memoryBytes: GIB, memorySource: 'cgroup' };
  assert.deepEqual(memoryLimit('auto', machine), { bytes: GIB, source: 'cgroup' });
  assert.deepEqual(memoryLimit(2 * GIB, machine), { bytes: 2 * GIB, source: 'memoryLimitBytes' });
});
