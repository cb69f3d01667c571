import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rssBytes, watchRss } from '../../../gateway/pool/rss-watch.js';
import { endOf } from '../../../gateway/pool/worker-process.js';
import { FakeClock } from '../../support/fake-clock.js';

test('how a process ended, in words: by what, and the line that says why', () => {
  const heap =
    '\n<--- Last few GCs --->\n\nFATAL ERROR: Reached heap limit\n----- Native stack trace -----\n';
  const thrown =
    'file:///a/b.js:3\n  throw new TypeError("x")\n\nTypeError: x\n    at b.js:3\n\nNode.js v20\n';
  const rows: readonly [Parameters<typeof endOf>, string][] = [
    [[3, null, ''], 'the process ended with code 3'],
    [[null, 'SIGKILL', 'Killed\n'], 'the process was ended by SIGKILL'],
    [[null, 'SIGABRT', heap], 'the process was ended by SIGABRT: FATAL ERROR: Reached heap limit'],
    [[1, null, thrown], 'the process ended with code 1: TypeError: x'],
  ];
  for (const [given, wanted] of rows) assert.equal(endOf(...given), wanted);
  assert.ok(endOf(1, null, `Error: ${'x'.repeat(10_000)}`).length < 300);
});

test('the resident memory is read from what Linux says; a process that is gone has none', () => {
  assert.equal(
    rssBytes('Name:\tnode\nVmHWM:\t  90000 kB\nVmRSS:\t   76543 kB\nRssAnon:\t 1 kB\n'),
    76543 * 1024,
  );
  assert.equal(rssBytes('Name:\tnode\nState:\tZ (zombie)\n'), undefined);
  assert.equal(rssBytes(''), undefined);
});

test('memory over the limit is told once, with both figures, within a second or so; then nobody looks any more', () => {
  const clock = new FakeClock();
  const told: string[] = [];
  let kib = 100 * 1024;
  let looks = 0;
  const statusOf = (pid: number): string => {
    assert.equal(pid, 7);
    looks++;
    return `VmRSS:\t ${kib} kB\n`;
  };
  watchRss(7, { clock, maxBytes: 200 * 2 ** 20, onExcess: (reason) => void told.push(reason), statusOf });
  clock.advance(5000);
  assert.deepEqual([told, looks], [[], 5]);
  kib = 201 * 1024;
  clock.advance(10_000);
  assert.deepEqual(told, ['it has 201 MiB of resident memory, at most 200 MiB are allowed']);
  assert.equal(looks, 6);
});

test('a watch that is cancelled, or whose process is gone, looks no more', () => {
  const clock = new FakeClock();
  let looks = 0;
  const options = {
    clock,
    maxBytes: 1,
    onExcess: () => assert.fail('it has none'),
    statusOf: () => {
      looks++;
      return '';
    },
  };
  watchRss(7, options);
  watchRss(8, options).cancel();
  clock.advance(10_000);
  assert.equal(looks, 1);
});
