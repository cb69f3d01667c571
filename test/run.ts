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

/** What these files assert is how much the server does in how much time: they get the machine for themselves. */
const CALM = [
  'overload',
  'retries',
  'head-of-line',
  'loads-beside-traffic',
  'metrics-under-load',
  'supervisor-restart',
].map((name) => join(here, 'integration', `${name}.test.js`));

/** @returns the exit code of the run; 0 when there is nothing to run */
function run(chosen: readonly string[], concurrency: number): number {
  if (chosen.length === 0) return 0;
  const { status } = spawnSync(
    process.execPath,
    [
      '--import',
      pathToFileURL(join(here, 'support/leak-guard.js')).href,
      '--test',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${timeoutMs}`,
      ...chosen,
    ],
    { stdio: 'inherit', env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } },
  );
  return status ?? 1;
}

const calm = run(
  files.filter((file) => CALM.includes(file)),
  1,
);
// Most of the time the others wait: for workers to start, for limits to pass.
const rest = run(
  files.filter((file) => !CALM.includes(file)),
  4,
);
process.exit(calm || rest);
