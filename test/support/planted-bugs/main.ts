/**
 * Puts each bug of the lists into a copy of the built code, one at a time, and runs the quick tests of the scheduler: unit tests of
 * batching and pool, and the simulation. `npm run test:bugs [-- --all] [words of a name]`: with `--all`, goes on after the first file
 * that finds a bug, to tell all that do; with `--check`, only tells which stand nowhere any more. Fails when a bug is not found, or stands nowhere any more.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BATCHING_BUGS } from './batching-bugs.js';
import type { Bug } from './bug.js';
import { POOL_BUGS } from './pool-bugs.js';
import { SCHEDULER_BUGS } from './scheduler-bugs.js';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
/** A run that takes longer than this, and five times as long as without a bug, hangs: a way of being found. */
const LEAST_LIMIT_MS = 20_000;

interface TestFile {
  readonly path: string;
  readonly limitMs: number;
}

const args = process.argv.slice(2);
const all = args.includes('--all');
const check = args.includes('--check');
/** Part of a name each; none: all bugs. */
const words = args.filter((arg) => !arg.startsWith('--'));
const wanted = (bug: Bug): boolean => words.length === 0 || words.some((word) => bug.name.includes(word));

/** The cheap and telling ones first. */
function testFiles(copy: string): string[] {
  const sim = ['conservation', 'goodput', 'fairness', 'adaptation'].map((name) => `test/sim/${name}.test.js`);
  const unit = ['batching', 'pool'].flatMap((folder) =>
    readdirSync(join(copy, 'dist/test/unit', folder))
      .filter((name) => name.endsWith('.test.js'))
      .map((name) => `test/unit/${folder}/${name}`),
  );
  return [sim[0] as string, ...unit, ...sim.slice(1)];
}

/** `passes`, or how it does not. */
function run(copy: string, file: string, limitMs: number): 'passes' | 'fails' | 'hangs' {
  const { NODE_TEST_CONTEXT: _, SIM_SIZE: __, ...env } = process.env;
  // Not by --test, which runs the file in a child of its own: one that hangs would outlive its parent, with a core for itself.
  const { status, error } = spawnSync(process.execPath, [join(copy, 'dist', file)], {
    stdio: 'ignore',
    timeout: limitMs,
    killSignal: 'SIGKILL',
    env,
  });
  if (error !== undefined) return 'hangs';
  return status === 0 ? 'passes' : 'fails';
}

function anyWhiteSpace(text: string): RegExp {
  const parts = text.trim().split(/\s+/);
  return new RegExp(parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\s+'), 'g');
}

/** The names of the files that find it; undefined when it can no longer be planted. */
function plant(copy: string, bug: Bug, files: readonly TestFile[]): string[] | undefined {
  const path = join(copy, 'dist', bug.file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const pattern = anyWhiteSpace(bug.find);
  if ([...text.matchAll(pattern)].length !== 1) return undefined;
  writeFileSync(
    path,
    text.replace(pattern, () => bug.replace),
  );
  const finders: string[] = [];
  for (const { path: file, limitMs } of files) {
    const how = run(copy, file, limitMs);
    if (how !== 'passes') finders.push(how === 'hangs' ? `${file} (hangs)` : file);
    if (finders.length > 0 && !all) break;
  }
  writeFileSync(path, text);
  return finders;
}

function main(copy: string): number {
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const files: TestFile[] = [];
  for (const path of check ? [] : testFiles(copy)) {
    const startedAt = performance.now();
    const passes = run(copy, path, 10 * LEAST_LIMIT_MS) === 'passes';
    if (passes)
      files.push({ path, limitMs: Math.ceil(LEAST_LIMIT_MS + 5 * (performance.now() - startedAt)) });
    else console.log(`left out, since it fails without a bug: ${path}`);
  }
  let missed = 0;
  const bugs = [...POOL_BUGS, ...BATCHING_BUGS, ...SCHEDULER_BUGS].filter(wanted);
  if (bugs.length === 0) throw new Error(`no bug is called ${words.join(' or ')}`);
  for (const bug of bugs) {
    const finders = plant(copy, bug, files);
    if (finders === undefined) console.log(`STALE      ${bug.name}: not exactly once in ${bug.file}`);
    else if (check) continue;
    else if (finders.length === 0) console.log(`NOT FOUND  ${bug.name}`);
    else console.log(`found      ${bug.name}: ${finders.join(', ')}`);
    if (finders === undefined || finders.length === 0) missed++;
  }
  console.log(
    missed === 0 ? (check ? 'each can be planted' : 'each is found') : `${missed} not found, or stale`,
  );
  return missed === 0 ? 0 : 1;
}

const copy = mkdtempSync(join(tmpdir(), 'sluice-bugs-'));
try {
  process.exitCode = main(copy);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
