/** Runs the test files of the given folders: `node dist/test/run.js unit integration docs [-- name-pattern]`. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

function testFiles(folder: string): string[] {
  const single = join(here, `${folder}.test.js`);
  if (existsSync(single)) return [single];
  const root = join(here, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(root, name))
    .sort();
}

const files = process.argv.slice(2).flatMap(testFiles);
if (files.length === 0) {
  console.error('No test file found: build first (npm run build), and name folders of test/.');
  process.exit(1);
}
/** The whole simulation takes minutes where it has to share its cores. */
const timeoutMs = process.env['SIM_SIZE'] === 'full' ? 900_000 : 120_000;
const { status } = spawnSync(
  process.execPath,
  [
    '--import',
    pathToFileURL(join(here, 'support/leak-guard.js')).href,
    '--test',
    '--test-concurrency=2',
    `--test-timeout=${timeoutMs}`,
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } },
);
process.exit(status ?? 1);
