import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLeft } from '../../gateway/cache-directory.js';

const OWN = { namespace: '77', pid: 10 };
const MINUTES = 60_000;

test('what a server that is gone has left is told from what another one uses', () => {
  const alive = (pid: number): boolean => pid === 11;
  const rows: [string, string, number, boolean][] = [
    ['of a process that is gone, at once', 'sluice-cache-77-12-abc', 0, true],
    ['of a live process, however silent', 'sluice-cache-77-11-abc', 1e9, false],
    [
      'of our own id: another gateway of this process, or one before it',
      'sluice-cache-77-10-abc',
      MINUTES,
      false,
    ],
    ['of our own id, without a sign', 'sluice-cache-77-10-abc', 11 * MINUTES, true],
    ['of another container that gives signs', 'sluice-cache-78-1-abc', 9 * MINUTES, false],
    ['of another container without a sign', 'sluice-cache-78-1-abc', 11 * MINUTES, true],
    ['of somebody else', 'sluice-cache', 1e9, false],
    ['of somebody else, too', 'my-sluice-cache-77-12-abc', 1e9, false],
  ];
  for (const [what, name, silentMs, wanted] of rows)
    assert.equal(isLeft(name, OWN, silentMs, alive), wanted, what);
});
