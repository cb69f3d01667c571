/** The directory of copies: servers may share its parent, and a kill leaves nothing for long. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startServerProcess } from '../support/server-process.js';

test('two servers share a cache directory; what a killed one left the next one removes, and one that stops removes its own', async (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'sluice-shared-'));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const start = async () => {
    const server = await startServerProcess({
      args: ['--model-repository', 'examples', '--workers', '1', '--cache-dir', cache],
    });
    t.after(() => server.stop());
    return server;
  };
  const [first, second] = [await start(), await start()];
  const [ofFirst, ofSecond] = [first, second].map(({ pid }) =>
    readdirSync(cache).find((name) => name.includes(`-${pid}-`)),
  ) as [string, string];
  assert.ok(existsSync(join(cache, ofFirst, 'iris')), 'its copies are in there');
  process.kill(first.pid, 'SIGKILL');
  await first.ended;
  assert.ok(existsSync(join(cache, ofFirst)));
  const third = await start();
  assert.ok(!existsSync(join(cache, ofFirst)), 'of the killed one');
  assert.ok(existsSync(join(cache, ofSecond, 'iris')), 'of the one that serves');
  await Promise.all([second.stop(), third.stop()]);
  assert.deepEqual(readdirSync(cache), []);
});
