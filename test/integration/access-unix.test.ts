import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { createGateway } from '../../gateway/gateway.js';
import { makeFolder } from '../support/certificates.js';
import { runHere } from '../support/run-cli.js';
import { EXAMPLES, FREE_PORTS, useGateway } from '../support/use-gateway.js';

const settingsAt = (path: string) => ({
  modelRepository: [EXAMPLES],
  workers: { count: 1 },
  admin: { address: `unix:${path}` },
});

/** A process listened at the path and was killed. */
function leaveStale(t: TestContext, path: string): void {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(existsSync(path), t.name);
}

test('the admin listener on a Unix socket, from end to end', async (t) => {
  const lines: Record<string, unknown>[] = [];
  const note = (fields: object) => void lines.push({ ...fields });
  const logger = { debug: () => {}, info: note, warn: () => {}, error: () => {} };
  const path = makeFolder(t).path('admin.sock');
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const { gateway } = await useGateway(t, settingsAt(path), { logger });
  assert.equal(statSync(path).mode & 0o777, 0o770, 'nobody but the owner and the group');
  for (const endpoint of [`unix:${path}`, `unix://${path}`]) {
    const at = ['--endpoint', endpoint];
    const listed = await runHere(['versions', 'iris', ...at, '--json']);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /"model":"iris"/);
    const moved = await runHere(['label', 'iris', 'canary', '1', ...at]);
    assert.equal(moved.code, 0, moved.stderr);
  }
  const audit = lines.filter((line) => 'outcome' in line);
  assert.deepEqual(
    audit.map((line) => [line['peer'], line['path']]),
    [
      ['unix', '/sluice.v1.Admin/Label'],
      ['unix', '/sluice.v1.Admin/Label'],
    ],
  );
  await gateway.stop();
  assert.ok(!existsSync(path), 'gone with the server');
  const gone = await runHere(['versions', 'iris', '--endpoint', `unix:${path}`]);
  assert.equal(gone.code, 69, gone.stderr);
});

test('the socket of a server that was killed is taken over; one that somebody answers, and what is no socket, are not', async (t) => {
  const folder = makeFolder(t);
  const path = folder.path('admin.sock');
  leaveStale(t, path);
  await useGateway(t, settingsAt(path));
  assert.equal((await runHere(['versions', 'iris', '--endpoint', `unix:${path}`])).code, 0);
  for (const taken of [path, folder.write('file', 'precious')]) {
    const second = createGateway({ ...FREE_PORTS, ...settingsAt(taken) });
    await assert.rejects(second.start(), /admin\.sock|file.*it is in use/);
    await second.stop();
    assert.ok(existsSync(taken));
  }
  assert.equal((await runHere(['versions', 'iris', '--endpoint', `unix:${path}`])).code, 0, 'as before');
});
