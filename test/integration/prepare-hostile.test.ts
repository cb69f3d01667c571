import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../gateway/core/clock.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { Preparer, type PreparerOptions } from '../../gateway/pool/preparer.js';
import { onnxModel } from '../support/onnx-model.js';
import { modelRequest, temporaryDirectory } from '../support/worker-kits.js';

/** Models whose author means harm. */

/** Each test has a child of its own, which ends with it. */
function newPreparer(t: TestContext, options: Partial<PreparerOptions> = {}): Preparer {
  const preparer = new Preparer({ clock: systemClock, logger: silentLogger, ...options });
  t.after(() => preparer.close());
  return preparer;
}

/** Z: X as a ZipMap's scores; W: 16 bytes of external data. */
const zipMapWithWeights = (location: string) =>
  onnxModel({
    domains: { 'ai.onnx.ml': 1 },
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
    outputs: [{ name: 'Z' }, { name: 'W' }],
    weights: [{ name: 'w', type: 'FP32', shape: [4], external: { location, offset: 0, length: 16 } }],
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
  // Goes on for ever on a row whose sizes sum up to 4: four times -1, which the warm-up takes and chance never does.
  const endless = onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 4] }],
    weights: [
      { name: 'four', type: 'FP32', shape: [], values: [4] },
      { name: 'turns', type: 'INT64', shape: [], values: [Number.MAX_SAFE_INTEGER] },
    ],
    nodes: [
      {
        op: 'ReduceL1',
        inputs: ['X'],
        outputs: ['sum'],
        attributes: [{ name: 'keepdims', int: 0 }],
      },
      { op: 'Equal', inputs: ['sum', 'four'], outputs: ['again'] },
      {
        op: 'Loop',
        inputs: ['turns', 'again', 'X'],
        outputs: ['Y'],
        attributes: [
          {
            name: 'body',
            graph: {
              inputs: [
                { name: 'i', type: 'INT64', shape: [] },
                { name: 'c', type: 'BOOL', shape: [] },
                { name: 'x', type: 'FP32', shape: ['N', 4] },
              ],
              outputs: [
                { name: 'c2', type: 'BOOL', shape: [] },
                { name: 'x2', type: 'FP32', shape: ['N', 4] },
              ],
              nodes: [
                { op: 'Identity', inputs: ['c'], outputs: ['c2'] },
                { op: 'Identity', inputs: ['x'], outputs: ['x2'] },
              ],
            },
          },
        ],
      },
    ],
  });
  const impatient = newPreparer(t, { timeoutMs: 4000 });
  const request = await modelRequest(await temporaryDirectory(t), endless);
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
