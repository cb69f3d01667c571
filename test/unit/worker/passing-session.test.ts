import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passingRun } from '../../../worker/passing-session.js';
import type { LoadSpec, WireTensor } from '../../../worker/protocol.js';
import { reshapedRun } from '../../../worker/reshaped-session.js';

const bytes = (name: string, shape: number[], ...data: number[]): WireTensor => ({
  name,
  datatype: 'BYTES',
  shape,
  data: Uint8Array.from(data),
});

/** One element: a NUL and a byte that is no UTF-8. */
const BLOB = [2, 0, 0, 0, 0, 0xff];

/** X is only handed on, W also looked into; Y is X, V is W, Z is computed. */
const SPEC: Pick<LoadSpec, 'inputs' | 'outputs'> = {
  inputs: [
    { name: 'X', datatype: 'BYTES', shape: [-1], opaque: true },
    { name: 'W', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [
    { name: 'Y', datatype: 'BYTES', shape: [-1], passedFrom: 'X' },
    { name: 'Y2', datatype: 'BYTES', shape: [-1], passedFrom: 'X' },
    { name: 'V', datatype: 'BYTES', shape: [-1], passedFrom: 'W' },
    { name: 'Z', datatype: 'BYTES', shape: [-1] },
  ],
};

function scripted() {
  const runs: { inputs: readonly WireTensor[]; outputs: readonly string[] }[] = [];
  const inner = async (inputs: readonly WireTensor[], outputs: readonly string[]) => {
    runs.push({ inputs, outputs });
    return {
      outputs: outputs.map((name) => bytes(name, [1], 1, 0, 0, 0, 0x7a)),
      startedAt: 5,
      endedAt: 7,
    };
  };
  return { runs, inner, run: passingRun(inner, SPEC) };
}

test('a model that hands nothing on runs as it did, without a layer more', () => {
  const { inner } = scripted();
  const plain = { inputs: [{ name: 'X', datatype: 'BYTES', shape: [1] }], outputs: [] };
  assert.equal(passingRun(inner, plain), inner);
});

test('outputs that are an input are its bytes, without a run; each has a buffer of its own', async () => {
  const { run, runs } = scripted();
  const given = [bytes('X', [1], ...BLOB), bytes('W', [1], 0, 0, 0, 0)];
  const { outputs, startedAt, endedAt } = await run(given, ['Y2', 'V', 'Y']);
  assert.deepEqual(outputs, [
    bytes('Y2', [1], ...BLOB),
    bytes('V', [1], 0, 0, 0, 0),
    bytes('Y', [1], ...BLOB),
  ]);
  assert.equal(new Set(outputs.map(({ data }) => data.buffer)).size, 3);
  assert.ok(endedAt >= startedAt);
  assert.equal(runs.length, 0);
});

test('the runtime is asked for the rest alone, with empty strings for what it must not see', async () => {
  const { run, runs } = scripted();
  const given = [bytes('X', [1], ...BLOB), bytes('W', [2], 0, 0, 0, 0, 1, 0, 0, 0, 65)];
  const result = await run(given, ['Y', 'Z']);
  assert.deepEqual(result, {
    outputs: [bytes('Y', [1], ...BLOB), bytes('Z', [1], 1, 0, 0, 0, 0x7a)],
    startedAt: 5,
    endedAt: 7,
  });
  assert.deepEqual(runs, [{ inputs: [bytes('X', [1], 0, 0, 0, 0), given[1]], outputs: ['Z'] }]);
});

test('an input that nothing reads is kept from the runtime, too', async () => {
  const { inner, runs } = scripted();
  const run = passingRun(inner, { inputs: SPEC.inputs, outputs: SPEC.outputs.slice(3) });
  await run([bytes('X', [1, 2], ...BLOB, 0, 0, 0, 0)], ['Z']);
  assert.deepEqual(runs[0]?.inputs, [bytes('X', [1, 2], 0, 0, 0, 0, 0, 0, 0, 0)]);
});

test('an input that is missing is the request’s fault', async () => {
  const { run } = scripted();
  await assert.rejects(run([], ['Y']), {
    code: 'INVALID_ARGUMENT',
    message: /output 'Y' is input 'X', which is missing/,
  });
});

test('shapes that config.pbtxt reshapes are those of the request, on what is handed on as well', async () => {
  const { inner } = scripted();
  const spec = {
    inputs: [{ name: 'X', datatype: 'BYTES', shape: [-1, 2], modelShape: [-1, 2, 1], opaque: true }],
    outputs: [{ name: 'Y', datatype: 'BYTES', shape: [-1, 1, 2], modelShape: [-1, 2, 1], passedFrom: 'X' }],
  };
  const run = reshapedRun(passingRun(inner, spec), spec);
  const { outputs } = await run([bytes('X', [1, 2], ...BLOB, ...BLOB)], ['Y']);
  assert.deepEqual(outputs, [bytes('Y', [1, 1, 2], ...BLOB, ...BLOB)]);
});
