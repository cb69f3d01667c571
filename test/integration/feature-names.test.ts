/** Names of features: from sluice.yaml, config.pbtxt and the model file, told by ModelConfig, used by `sluice predict`. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createClient } from '../../client/client.js';
import { onnxModel } from '../support/onnx-model.js';
import { runCli } from '../support/run-cli.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

const IRIS = ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)'];

/** `Y = A + B` for an input of each; with names noted in the file that do not matter then. */
const addPair = onnxModel({
  inputs: ['A', 'B'].map((name) => ({ name, type: 'FP32', shape: ['N', 1] })),
  outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 1] }],
  nodes: [{ op: 'Add', inputs: ['A', 'B'], outputs: ['Y'] }],
  metadata: { feature_names: 'x,y' },
});

const noted = (names: string) =>
  onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 2] }],
    nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['Y'] }],
    metadata: { feature_names: names },
  });

test('names come from the settings, config.pbtxt and the model file; those that do not fit fail a load or are left out', async (t) => {
  const repository = makeRepository(t, {
    iris: join(EXAMPLES, 'iris'),
    'noted/1/model.onnx': noted('["height", "weight"]'),
    'wrong/1/model.onnx': noted('one,two,three'),
    'told/1/model.onnx': noted('a,b'),
    'told/config.pbtxt': Buffer.from(
      'parameters { key: "feature_names" value { string_value: "[\\"c\\", \\"d\\"]" } }',
    ),
    'pair/1/model.onnx': addPair,
    'misfit/1/model.onnx': noted('a,b'),
  });
  const csv = join(repository, 'flowers.csv');
  writeFileSync(csv, `${[...IRIS].reverse().join(',')}\n0.2,1.4,3.5,5.1\n2.3,5.2,3,6.7\n`);
  const { address, gateway } = await useGateway(t, {
    modelRepository: [repository],
    models: { iris: { features: IRIS }, misfit: { features: ['a'] } },
  });
  const client = createClient({ address });
  t.after(() => client.close());
  const names = async (model: string) => (await client.modelParameters(model))['feature_names'];
  assert.deepEqual(JSON.parse((await names('iris')) ?? ''), IRIS);
  assert.equal(await names('noted'), '["height","weight"]');
  assert.equal(await names('told'), '["c","d"]');
  assert.equal(await names('wrong'), undefined);
  assert.equal(await names('pair'), undefined);
  const misfit = () => gateway.catalog.list().find(({ model }) => model === 'misfit');
  // What has failed is tried again, and has no reason meanwhile.
  for (let i = 0; i < 500 && misfit()?.state !== 'failed'; i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const { reason } = misfit() ?? {};
  assert.match(reason ?? '', /features does not fit: there are 1 names, and a row of input 'X' has 2 values/);
  // The classifier's own labels, for whoever answers by class.
  assert.deepEqual(gateway.catalog.describe('iris', '').classes, { probabilities: ['0', '1', '2'] });

  const predict = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(['predict', ...args, '--address', address, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).outputs;
  };
  const rows = await predict('iris', '--input', '[[5.1, 3.5, 1.4, 0.2], [6.7, 3, 5.2, 2.3]]');
  assert.deepEqual(rows.label.data, [0, 2]);
  assert.deepEqual(await predict('iris', '--input-file', csv), rows);
  const records = [
    [5.1, 3.5, 1.4, 0.2],
    [6.7, 3, 5.2, 2.3],
  ].map((row) => Object.fromEntries(IRIS.map((name, index) => [name, row[index]])));
  assert.deepEqual(await predict('iris', '--input', JSON.stringify(records)), rows);
  assert.deepEqual((await predict('iris', '--input', '[5.1, 3.5, 1.4, 0.2]')).label.data, [0]);
  assert.deepEqual((await predict('pair', '--input', '{"B": 2, "A": 1}')).Y.data, [[3]]);

  const mistyped = await runCli([
    'predict',
    'noted',
    '--input',
    '{"heigth": 1, "weight": 2}',
    '--address',
    address,
  ]);
  assert.equal(mistyped.code, 1);
  assert.match(mistyped.stderr, /model 'noted' has no column 'heigth', did you mean 'height'\?/);
});
