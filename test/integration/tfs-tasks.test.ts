/** Classify, Regress and MultiInference of TensorFlow Serving: tf.Examples in, classes and values out. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { ExampleSchema } from '../../gateway/gen/tensorflow/core/example/example_pb.js';
import type { ClassificationResponse } from '../../gateway/gen/tensorflow_serving/apis/classification_pb.js';
import { SignatureDefMapSchema } from '../../gateway/gen/tensorflow_serving/apis/get_model_metadata_pb.js';
import type { InputSchema } from '../../gateway/gen/tensorflow_serving/apis/input_pb.js';
import { onnxModel } from '../support/onnx-model.js';
import { PREDICTION, shapeOf, tfsCaller } from '../support/tfs-call.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

type Example = MessageInitShape<typeof ExampleSchema>;

/** Two columns, that are two scores as well, and their sum. */
const both = onnxModel({
  inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
  outputs: [
    { name: 'scores', type: 'FP32', shape: ['N', 2] },
    { name: 'sum', type: 'FP32', shape: ['N', 1] },
  ],
  weights: [{ name: 'ones', type: 'FP32', shape: [2, 1], values: [1, 1] }],
  nodes: [
    { op: 'Identity', inputs: ['X'], outputs: ['scores'] },
    { op: 'MatMul', inputs: ['X', 'ones'], outputs: ['sum'] },
  ],
  metadata: { feature_names: 'age,fare' },
});

const floats = (...value: number[]) => ({ kind: { case: 'floatList' as const, value: { value } } });
const integers = (...value: bigint[]) => ({ kind: { case: 'int64List' as const, value: { value } } });
const texts = (value: string) => ({
  kind: { case: 'bytesList' as const, value: { value: [Buffer.from(value)] } },
});

const example = (
  feature: Record<string, ReturnType<typeof floats | typeof integers | typeof texts>>,
): Example => ({
  features: { feature },
});

const rowsOf = (...examples: Example[]): MessageInitShape<typeof InputSchema> => ({
  kind: { case: 'exampleList', value: { examples } },
});

const ROW = example({ age: floats(1.5), fare: integers(3n) });

async function serve(t: Parameters<typeof useGateway>[0]) {
  const { grpcPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'both/1/model.onnx': both, iris: join(EXAMPLES, 'iris') })],
    workers: { count: 1 },
  });
  return tfsCaller(t, grpcPort);
}

function classes(answer: ClassificationResponse | undefined): [string, number][][] {
  return (answer?.result?.classifications ?? []).map(({ classes }) =>
    classes.map(({ label, score }) => [label, score]),
  );
}

test('Classify: features by their names in any order, a whole row by the name of the input, a context; labels and scores', async (t) => {
  const call = await serve(t);
  const modelSpec = { name: 'both' };
  const scores = async (input: MessageInitShape<typeof InputSchema>) => {
    const { answer, message } = await call(PREDICTION.classify, { modelSpec, input });
    return answer === undefined ? message : classes(answer).map((row) => row.map(([, score]) => score));
  };
  assert.deepEqual(await scores(rowsOf(ROW)), [[1.5, 3]]);
  assert.deepEqual(await scores(rowsOf(example({ fare: floats(4), other: texts('x'), age: floats(2) }))), [
    [2, 4],
  ]);
  assert.deepEqual(await scores(rowsOf(ROW, example({ X: floats(5, 6) }))), [
    [1.5, 3],
    [5, 6],
  ]);
  const context = example({ age: floats(9), fare: floats(8) });
  const withContext = { examples: [example({ fare: floats(7) }), example({})], context };
  assert.deepEqual(await scores({ kind: { case: 'exampleListWithContext', value: withContext } }), [
    [9, 7],
    [9, 8],
  ]);
  const { answer } = await call(PREDICTION.classify, {
    modelSpec: { name: 'both', signatureName: 'classification' },
    input: rowsOf(ROW),
  });
  const { name, versionChoice, signatureName } = answer?.modelSpec ?? {};
  const version = versionChoice?.case === 'version' ? versionChoice.value.value : undefined;
  assert.deepEqual([name, version, signatureName], ['both', 1n, 'classification']);
});

test('Classify of iris: the labels of its classes, and the scores that Predict gives', async (t) => {
  const call = await serve(t);
  const flower = [5.1, 3.5, 1.4, 0.2];
  const modelSpec = { name: 'iris' };
  const metadata = await call(PREDICTION.getModelMetadata, { modelSpec, metadataField: ['signature_def'] });
  const any = metadata.answer?.metadata['signature_def'];
  const { signatureDef = {} } = (any && anyUnpack(any, SignatureDefMapSchema)) ?? {};
  const [input] = Object.keys(signatureDef['serving_default']?.inputs ?? {}) as [string];
  const found = await call(PREDICTION.classify, {
    modelSpec,
    input: rowsOf(example({ [input]: floats(...flower) })),
  });
  const [row] = classes(found.answer);
  assert.deepEqual(
    row?.map(([label]) => label),
    ['0', '1', '2'],
  );
  const X = { dtype: 1, tensorShape: shapeOf(1, 4), floatVal: flower };
  const { answer } = await call(PREDICTION.predict, { modelSpec, inputs: { [input]: X } });
  const scores = Object.values(answer?.outputs ?? {}).find(({ floatVal }) => floatVal.length === 3);
  assert.deepEqual(
    row?.map(([, score]) => score),
    scores?.floatVal,
  );
  // It classifies and does not regress, and says so.
  assert.deepEqual(Object.keys(signatureDef).sort(), ['classification', 'serving_default']);
  assert.equal(signatureDef['classification']?.methodName, 'tensorflow/serving/classify');
});

test('Regress and MultiInference: one run, each task its own part of the answer', async (t) => {
  const call = await serve(t);
  const input = rowsOf(ROW, example({ age: floats(10), fare: floats(20) }));
  const { answer } = await call(PREDICTION.regress, { modelSpec: { name: 'both' }, input });
  assert.deepEqual(
    answer?.result?.regressions.map(({ value }) => value),
    [4.5, 30],
  );
  const task = (kind: string, signatureName: string) => ({
    modelSpec: { name: 'both', signatureName },
    methodName: `tensorflow/serving/${kind}`,
  });
  const tasks = [task('regress', 'regression'), task('classify', '')];
  const multi = await call(PREDICTION.multiInference, { tasks, input });
  assert.equal(multi.message, '');
  const [regressed, classified] = multi.answer?.results ?? [];
  assert.equal(regressed?.modelSpec?.signatureName, 'regression');
  assert.equal(classified?.modelSpec?.signatureName, 'serving_default');
  assert.deepEqual(
    regressed?.result.case === 'regressionResult' &&
      regressed.result.value.regressions.map(({ value }) => value),
    [4.5, 30],
  );
  assert.deepEqual(
    classified?.result.case === 'classificationResult' &&
      classified.result.value.classifications.map((row) => row.classes.map(({ score }) => score)),
    [
      [1.5, 3],
      [10, 20],
    ],
  );
});

test('what is wrong with an Example or a task is said in the words of TensorFlow', async (t) => {
  const call = await serve(t);
  const modelSpec = { name: 'both' };
  const refused = async (input: MessageInitShape<typeof InputSchema>, spec: object = {}) => {
    const { status, message } = await call(PREDICTION.classify, {
      modelSpec: { ...modelSpec, ...spec },
      input,
    });
    assert.equal(status, 3, message);
    return message;
  };
  const key = 'Name: <unknown>, Key: age, Index: 1.  ';
  const required = 'is required but could not be found.';
  assert.equal(await refused({}), 'Input is empty.');
  assert.equal(await refused(rowsOf()), 'Input is empty.');
  assert.equal(
    await refused(rowsOf(ROW, example({ age: floats(1) }))),
    `Name: <unknown>, Feature: fare (data type: float) ${required}`,
  );
  assert.equal(
    await refused(rowsOf(example({ Age: floats(1), fare: floats(1) }))),
    `Name: <unknown>, Feature: age (data type: float) ${required} (there is Age)`,
  );
  assert.equal(
    await refused(rowsOf(ROW, example({ age: texts('7'), fare: floats(1) }))),
    `${key}Data types don't match. Data type: string but expected type: float`,
  );
  assert.equal(
    await refused(rowsOf(ROW, example({ age: floats(1, 2), fare: floats(1) }))),
    `${key}Number of float values != expected.  Values size: 2 but output shape: []`,
  );
  assert.equal(await refused(rowsOf(ROW), { signatureName: 'x' }), 'No signature was found with the name: x');
  assert.equal(
    await refused(rowsOf(ROW), { signatureName: 'regression' }),
    'Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/regress',
  );
  // However many there are, no memory is taken for them.
  const many = Array.from({ length: 100_000 }, () => example({}));
  assert.match(await refused(rowsOf(...many)), /request batch-size must be <= 256/);
  // A row too many is the same as for any other request.
  assert.match(
    await refused(rowsOf(...Array.from({ length: 257 }, () => ROW))),
    /request batch-size must be <= 256/,
  );
});
