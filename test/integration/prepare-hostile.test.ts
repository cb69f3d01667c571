import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { systemClock } from '../../gateway/core/clock.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { Preparer, type PreparerOptions } from '../../gateway/pool/preparer.js';
import { endlessModel, onnxModel } from '../support/onnx-model.js';
import { modelRequest, temporaryDirectory } from '../support/worker-kits.js';

/** Models whose author means harm. */

/** Each test has a child of its own, which ends with it. */
function newPreparer(t: TestContext, options: Partial<PreparerOptions> = {}): Preparer {
  const preparer = new Preparer({ clock: systemClock, logger: silentLogger, ...options });
  t.after(() => preparer.close());
  return preparer;
}

/** Z: X as a ZipMap's scores; W: 16 bytes of external data, unless it says that they lie elsewhere. */
const zipMapWithWeights = (location: string, place: { offset?: number; length?: number } = {}) =>
  onnxModel({
    domains: { 'ai.onnx.ml': 1 },
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
    outputs: [{ name: 'Z' }, { name: 'W' }],
    weights: [
      { name: 'w', type: 'FP32', shape: [4], external: { location, offset: 0, length: 16, ...place } },
    ],
    nodes: [
      {
        op: 'ZipMap',
        domain: 'ai.onnx.ml',
        inputs: ['X'],
        outputs: ['Z'],
        attributes: [{ name: 'classlabels_strings', strings: ['no', 'yes'] }],
      },
      { op: 'Identity', inputs: ['w'], outputs: ['W'] },
    ],
  });

test('E80 weights that are a link out of the directory, a FIFO or missing are refused, and no path is told', async (t) => {
  const by = newPreparer(t);
  const directory = await temporaryDirectory(t);
  const elsewhere = await temporaryDirectory(t);
  await writeFile(join(elsewhere, 'secret'), 'TOP-SECRET-BYTES');
  await symlink(join(elsewhere, 'secret'), join(directory, 'linked'));
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  const rows: readonly [string, RegExp][] = [
    ['linked', /external data lies outside of its own directory: 'linked' is a link/],
    ['pipe', /'pipe' is not a regular file/],
    ['none', /'none' cannot be read: ENOENT/],
  ];
  for (const [location, message] of rows) {
    await assert.rejects(
      by.prepare(await modelRequest(directory, zipMapWithWeights(location))),
      (error: Error) => {
        assert.match(error.message, message);
        assert.ok(!error.message.includes(elsewhere) && !error.message.includes(directory), error.message);
        return true;
      },
    );
  }
  // A link that stays inside, as Kubernetes mounts files, is fine.
  await mkdir(join(directory, '..data'));
  await writeFile(join(directory, '..data', 'w'), Buffer.alloc(16));
  await symlink('..data/w', join(directory, 'w'));
  await by.prepare(await modelRequest(directory, zipMapWithWeights('w')));
});

test('E80 weights that lie before their file, behind its end or nowhere are refused, and end no process', async (t) => {
  const by = newPreparer(t);
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'w'), Buffer.alloc(16));
  const places = [
    { offset: -1 },
    { offset: -(2 ** 40) },
    { offset: 4 },
    { offset: 2 ** 40 },
    { offset: Number.MAX_SAFE_INTEGER },
    { length: 2 ** 40 },
    { length: -16 },
    { length: 4 },
  ];
  for (const place of places)
    await assert.rejects(
      by.prepare(await modelRequest(directory, zipMapWithWeights('w', place))),
      (error) => {
        const { message } = error as Error;
        assert.match(message, /^failed to load model/, JSON.stringify(place));
        assert.doesNotMatch(message, /died/, JSON.stringify(place));
        assert.ok(!message.includes(directory), message);
        return true;
      },
    );
  await by.prepare(await modelRequest(directory, zipMapWithWeights('w')));
});

test('E80 of what lies outside nothing is opened, as the kernel sees it', async (t) => {
  if (spawnSync('strace', ['-V']).status !== 0) return t.skip('strace is not installed');
  const directory = await temporaryDirectory(t);
  const elsewhere = await temporaryDirectory(t);
  await writeFile(join(elsewhere, 'secret'), 'TOP-SECRET-BYTES');
  await symlink(join(elsewhere, 'secret'), join(directory, 'linked'));
  const log = join(elsewhere, 'calls');
  const wrapper = join(elsewhere, 'traced.mjs');
  const child = JSON.stringify(fileURLToPath(new URL('../../worker/prepare.js', import.meta.url)));
  // The preparing process has strace attached to itself and its threads before it does anything.
  await writeFile(
    wrapper,
    `import { spawn } from 'node:child_process';
    const tracer = spawn('strace', ['-f', '-e', 'trace=open,openat,openat2', '-o', ${JSON.stringify(log)}, '-p', String(process.pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise((resolve) => tracer.stderr.once('data', resolve));
    await import(${child});`,
  );
  const by = newPreparer(t, { childUrl: pathToFileURL(wrapper) });
  for (const location of ['linked', '../secret', join(elsewhere, 'secret')])
    await assert.rejects(
      by.prepare(await modelRequest(directory, zipMapWithWeights(location))),
      /external data/,
    );
  await by.close();
  const calls = readFileSync(log, 'utf8');
  assert.ok(calls.includes(join(directory, 'model.onnx')), 'the model was opened under the eyes of strace');
  assert.ok(!calls.includes('secret"') && !calls.includes('/linked"'), calls);
});

test('E80 weights inside the model file itself: the repository is never written to', async (t) => {
  const by = newPreparer(t);
  const directory = await temporaryDirectory(t);
  for (const location of ['model.onnx', './model.onnx']) {
    const request = await modelRequest(directory, zipMapWithWeights(location));
    const before = await readFile(request.modelPath);
    const { preparedPath } = await by.prepare(request);
    assert.ok(before.equals(await readFile(request.modelPath)), location);
    assert.notEqual(preparedPath, request.modelPath);
  }
});

test('a model that hangs on the row of the warm-up hangs in the child, not in the workers', async (t) => {
  const impatient = newPreparer(t, { timeoutMs: 4000 });
  const request = await modelRequest(await temporaryDirectory(t), endlessModel(), { allowLoops: true });
  await assert.rejects(impatient.prepare(request), /longer than 4000 ms/);
});

test('an input may be called __proto__', async (t) => {
  const by = newPreparer(t);
  const model = onnxModel({
    inputs: [{ name: '__proto__', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'constructor', type: 'FP32', shape: ['N', 4] }],
    nodes: [{ op: 'Identity', inputs: ['__proto__'], outputs: ['constructor'] }],
  });
  const request = await modelRequest(await temporaryDirectory(t), model);
  assert.equal((await by.prepare(request)).batchCheck, 'verified');
});

const PARENT = `
const child = require('node:child_process').fork(process.argv[1], [], { execArgv: [] });
child.send(JSON.parse(process.argv[2]));
console.log(child.pid);`;

test('a server that is killed leaves no child behind, though a model hangs in it', async (t) => {
  const request = await modelRequest(await temporaryDirectory(t), endlessModel(), { allowLoops: true });
  const module = fileURLToPath(new URL('../../worker/prepare.js', import.meta.url));
  const task = JSON.stringify({ id: 1, request });
  const parent = spawn(process.execPath, ['-e', PARENT, module, task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number(String((await once(parent.stdout, 'data'))[0]));
  t.after(() => {
    parent.kill('SIGKILL');
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  // It hangs by then: all that comes before takes a fraction of that.
  await until(() => cpuSeconds(pid) > 1.5);
  const score = readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8');
  assert.equal(score.trim(), '1000', 'and where memory runs out it is the first to go');
  parent.kill('SIGKILL');
  await until(() => !isAlive(pid));
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < end, `not within 20 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What Linux tells of a process, from its state on; undefined when there is none. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ');
  } catch {
    return undefined;
  }
}

/** A zombie has ended: in some containers nobody buries it. */
function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(statOf(pid)?.[0]);
}

/** User time, which Linux counts in hundredths of a second. */
function cpuSeconds(pid: number): number {
  return Number(statOf(pid)?.[11]) / 100;
}
