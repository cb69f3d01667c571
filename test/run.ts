/** Runs the test files of the given folders: `node dist/test/run.js unit integration docs [-- name-pattern]`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CALM, groupsOf } from './support/test-groups.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const groupsFolder = join(here, 'groups');

/** A folder's test files, or the one file of that name; as paths below the compiled tests. */
function testFiles(name: string): string[] {
  const single = `${name}.test.js`;
  if (existsSync(join(here, single))) return [single];
  if (!existsSync(join(here, name))) return [];
  return readdirSync(join(here, name), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .map((file) => join(name, file))
    .sort();
}

/** Writes a file that imports the files of a group; the one file of a group of one stands for itself. */
function written(group: readonly string[], number: number): string {
  const [only, ...others] = group;
  if (only !== undefined && others.length === 0) return join(here, only);
  mkdirSync(groupsFolder, { recursive: true });
  const path = join(groupsFolder, `group-${number}.test.js`);
  const imports = group.map((file) => `import '../${relative('.', file).replaceAll('\\', '/')}';\n`);
  writeFileSync(path, imports.join(''));
  return path;
}

/** @returns the exit code of the run; 0 when there is nothing to run */
function run(chosen: readonly string[], concurrency: number, timeoutMs: number): number {
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

const files = process.argv.slice(2).flatMap(testFiles);
if (files.length === 0) {
  console.error('No test file found: build first (npm run build), and name folders of test/.');
  process.exit(1);
}
rmSync(groupsFolder, { recursive: true, force: true });
// Of a file, or of a whole group; the whole simulation takes minutes where it has to share its cores.
const timeoutMs = process.env['SIM_SIZE'] === 'full' ? 900_000 : 300_000;
const calm = run(
  files.filter((file) => CALM.has(file)).map((file) => join(here, file)),
  1,
  timeoutMs,
);
const groups = groupsOf(files.filter((file) => !CALM.has(file)));
const rest = run(groups.map(written), 3, timeoutMs);
process.exit(calm || rest);
