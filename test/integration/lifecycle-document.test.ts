/** The worked example of docs/LIFECYCLE.md, typed as it stands: what a command answers must be what the page shows. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { codeBlocks, readDocument, shellWords } from '../support/markdown.js';
import { runCli } from '../support/run-cli.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { REPOSITORY_ROOT } from '../support/use-gateway.js';

/** These only look, so they may be asked until the answer is there: copies are found by a poll. */
const LOOKS = new Set(['predict', 'versions', 'history', 'models']);
const LONGEST_WAIT_MS = 20_000;

interface Step {
  readonly line: string;
  /** What the page shows below it. */
  readonly shown: string;
}

function steps(page: string): Step[] {
  const section = /^## A worked example\n([\s\S]*?)^## /m.exec(page)?.[1] ?? '';
  return codeBlocks(section, '').flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [line = '', ...shown] = part.trimEnd().split('\n');
        return { line, shown: shown.join('\n') };
      }),
  );
}

/** Without what differs by machine and time. Columns are as wide as what is in them: blanks count once. */
function comparable(text: string, adminPort: number): string {
  return text
    .replaceAll(`localhost:${adminPort}`, 'localhost:8003')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/TIME +\S+/g, 'TIME WHO')
    .replace(/ +/g, ' ')
    .replace(/ $/gm, '')
    .trim();
}

async function serve(t: TestContext, words: readonly string[], folder: string): Promise<ServerProcess> {
  const args = words.map((word) => (/^(models|state)$/.test(word) ? join(folder, word) : word));
  const server = await startServerProcess({ args });
  t.after(() => server.stop());
  return server;
}

async function ask(args: readonly string[], server: ServerProcess, folder: string): Promise<string> {
  const env = {
    SLUICE_ADDRESS: `localhost:${server.grpcPort}`,
    SLUICE_ENDPOINT: `localhost:${server.adminPort}`,
  };
  const { stdout, stderr } = await runCli(args, { env, cwd: folder });
  return comparable(stdout + stderr, server.adminPort);
}

test('the worked example does what the page shows', { timeout: 90_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-example-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(REPOSITORY_ROOT, 'examples'), join(folder, 'examples'));
  const all = steps(readDocument('docs/LIFECYCLE.md'));
  assert.ok(all.length >= 12, `${all.length} steps`);
  let server: ServerProcess | undefined;
  for (const { line, shown } of all) {
    const [program, command = '', ...rest] = shellWords(line.replace(/ &$/, ''));
    if (program !== 'sluice') {
      assert.equal(spawnSync('sh', ['-ec', line], { cwd: folder }).status, 0, line);
    } else if (command === 'serve') {
      server = await serve(t, rest, folder);
    } else {
      assert.ok(server, 'a server is started first');
      const wanted = comparable(shown, server.adminPort);
      const end = performance.now() + LONGEST_WAIT_MS;
      let got = await ask([command, ...rest], server, folder);
      while (got !== wanted && LOOKS.has(command) && performance.now() < end)
        got = await ask([command, ...rest], server, folder);
      assert.equal(got, wanted, line);
    }
  }
});
