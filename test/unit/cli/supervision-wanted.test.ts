import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ProcessFacts, supervisionWanted } from '../../../cli/supervise/wanted.js';

const facts = (changes: Partial<ProcessFacts> = {}): ProcessFacts => ({
  argv: ['models'],
  env: { SLUICE_CONFIG: '/nowhere/sluice.yaml' },
  pid: 1234,
  execArgv: [],
  ...changes,
});
const unread = (): never => assert.fail('the settings were loaded, which costs a start half a second');

test('auto: wanted, except as process 1, in Kubernetes, under a debugger, and in a supervised process', async () => {
  assert.equal(await supervisionWanted(facts(), unread), true);
  assert.equal(await supervisionWanted(facts({ pid: 1 }), unread), false);
  assert.equal(await supervisionWanted(facts({ execArgv: ['--inspect=0'] }), unread), false);
  for (const env of [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, { SLUICE_SUPERVISED_BY: '1' }])
    assert.equal(await supervisionWanted(facts({ env: { ...facts().env, ...env } }), unread), false);
});

test('on and off hold where auto would say otherwise, from a flag, the environment or a file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-wanted-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sluice.yaml');
  for (const [setting, pid, wanted] of [
    ['on', 1, true],
    ['off', 1234, false],
    ['auto', 1234, true],
    ['auto', 1, false],
  ] as const) {
    writeFileSync(file, `server:\n  supervise: '${setting}'\n`);
    const rows: Partial<ProcessFacts>[] = [
      { argv: [`--server-supervise=${setting}`], env: {} },
      { argv: ['--server_supervise', setting], env: {} },
      { env: { SLUICE_SERVER_SUPERVISE: setting } },
      { env: { SLUICE_CONFIG: file } },
      { argv: ['--config-file', file] },
      { argv: [`--config_file=${file}`] },
    ];
    for (const row of rows)
      assert.equal(
        await supervisionWanted(facts({ ...row, pid })),
        wanted,
        `${setting} ${JSON.stringify(row)}`,
      );
  }
});

test('settings that are wrong are the server’s to report', async () => {
  assert.equal(await supervisionWanted(facts({ argv: ['--server-supervise=perhaps'] })), false);
});
