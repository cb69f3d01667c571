/** A version is copied from several files: when one of them is replaced meanwhile, the copy is not served. */
import assert from 'node:assert/strict';
import { mkdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../gateway/core/clock.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { Preparer } from '../../gateway/pool/preparer.js';
import type { FoundVersion } from '../../gateway/repository/found.js';
import { isUnchanged } from '../../gateway/repository/is-unchanged.js';
import { LoadTurns } from '../../gateway/repository/load-turns.js';
import { onnxModel } from '../support/onnx-model.js';
import { modelRequest, temporaryDirectory } from '../support/worker-kits.js';

const DATA = 'model.onnx.data';

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

/** Puts other contents in a file's place, of the same size and date. */
async function replace(path: string): Promise<void> {
  const { size, atime, mtime } = await stat(path);
  await writeFile(`${path}.new`, Buffer.alloc(size, 1));
  await utimes(`${path}.new`, atime, mtime);
  await rename(`${path}.new`, path);
}

test('E78 weights or warm-up data that are replaced while a version is loaded: it is not served', async (t) => {
  const by = new Preparer({ clock: systemClock, logger: silentLogger });
  t.after(() => by.close());
  const directory = await temporaryDirectory(t);
  const model = onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 2] }],
    weights: [
      { name: 'W', type: 'FP32', shape: [2, 2], external: { location: DATA, offset: 0, length: 16 } },
    ],
    nodes: [{ op: 'MatMul', inputs: ['X', 'W'], outputs: ['Y'] }],
  });
  await mkdir(join(directory, 'warmup'));
  await writeFile(join(directory, 'warmup/x'), floats(1, 2));
  await writeFile(join(directory, DATA), floats(1, 2, 3, 4));
  const inputs = [{ name: 'X', datatype: 'FP32' as const, dims: [2], data: { file: './x' } }];
  const request = await modelRequest(directory, model, {
    modelDirectory: directory,
    configuration: {
      inputs: [],
      outputs: [],
      parameters: {},
      runtime: {},
      warmUp: [{ name: 'w', batchSize: 1, count: 1, inputs }],
    },
  });
  // A date that is kept to the last digit by those who set one.
  for (const name of [DATA, 'warmup/x', 'model.onnx']) await utimes(join(directory, name), 1000, 1000);
  const { size, mtimeMs } = await stat(request.modelPath);
  const found: FoundVersion = { version: 1, modelPath: request.modelPath, bytes: size, modifiedMs: mtimeMs };
  /** Loads it, with something happening while the workers do. */
  const load = (meanwhile: () => Promise<void>, unloaded: string[]) =>
    new LoadTurns(
      {
        prepare: by.prepare,
        host: { load: meanwhile, unload: async (key) => void unloaded.push(key) },
        unchanged: isUnchanged,
        clock: systemClock,
        logger: silentLogger,
      },
      new Map(),
      () => {},
    ).take(request, found, { wanted: () => true, check() {}, warming() {}, handedOver() {} });
  assert.equal((await load(async () => {}, []))?.sources?.length, 3);
  for (const name of [DATA, 'warmup/x', 'model.onnx']) {
    const unloaded: string[] = [];
    const loading = load(() => replace(join(directory, name)), unloaded);
    await assert.rejects(loading, /failed to load 'm\/1': its files were replaced meanwhile/, name);
    assert.deepEqual(unloaded, ['m/1'], name);
  }
});
