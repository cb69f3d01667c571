import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Every file below a folder with its text. */
function texts(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

test('the committed code is what `npm run generate` makes of the .proto files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-gen-'));
  try {
    const { status, stderr } = spawnSync('node_modules/.bin/buf', ['generate', '--output', folder], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const made = texts(join(folder, 'gateway/gen'));
    assert.ok(made.size >= 7, `only ${made.size} files made`);
    assert.deepEqual(texts(join(root, 'gateway/gen')), made);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
