/** What TensorFlow Serving's clients ask of a model: its signature, the state of its versions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { SignatureDefMapSchema } from '../../gateway/gen/tensorflow_serving/apis/get_model_metadata_pb.js';
import {
  type ModelVersionStatus,
  ModelVersionStatus_State as State,
} from '../../gateway/gen/tensorflow_serving/apis/get_model_status_pb.js';
import { ModelService } from '../../gateway/gen/tensorflow_serving/apis/model_service_pb.js';
import { addModel } from '../support/onnx-model.js';
import { PREDICTION, tfsCaller } from '../support/tfs-call.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

const STATUS = ModelService.method.getModelStatus;
const METADATA = PREDICTION.getModelMetadata;

const version = (value: bigint) => ({ case: 'version' as const, value: { value } });

test('GetModelMetadata: names, datatypes and shapes, batch as -1; the version that was chosen', async (t) => {
  const { grpcPort, gateway } = await useGateway(t, { modelRepository: [EXAMPLES], workers: { count: 1 } });
  const call = tfsCaller(t, grpcPort);
  const { answer } = await call(METADATA, { modelSpec: { name: 'iris' }, metadataField: ['signature_def'] });
  const { signature, version: chosen } = gateway.catalog.describe('iris', '');
  assert.deepEqual(Object.keys(answer?.metadata ?? {}), ['signature_def']);
  const any = answer?.metadata['signature_def'];
  assert.equal(any?.typeUrl, 'type.googleapis.com/tensorflow.serving.SignatureDefMap');
  const served = any && anyUnpack(any, SignatureDefMapSchema)?.signatureDef['serving_default'];
  assert.equal(served?.methodName, 'tensorflow/serving/predict');
  const [input] = signature.inputs;
  assert.deepEqual(Object.keys(served?.inputs ?? {}), [input?.name]);
  assert.deepEqual(
    Object.keys(served?.outputs ?? {}).sort(),
    signature.outputs.map(({ name }) => name).sort(),
  );
  const info = served?.inputs[input?.name as string];
  assert.deepEqual([info?.dtype, info?.tensorShape?.dim.map(({ size }) => size)], [1, [-1n, 4n]]);
  assert.deepEqual([info?.encoding.case, info?.encoding.value], ['name', `${input?.name}:0`]);
  const { name, versionChoice } = answer?.modelSpec ?? {};
  assert.deepEqual(
    [name, versionChoice?.case === 'version' && versionChoice.value.value],
    ['iris', BigInt(chosen)],
  );
});

/** Versions in words: `2 AVAILABLE`, and what is wrong. */
function inWords(statuses: readonly ModelVersionStatus[] | undefined): string[] {
  return (statuses ?? []).map(({ version, state, status }) =>
    `${version} ${State[state]} ${status?.errorCode} ${status?.errorMessage}`.trim(),
  );
}

test('GetModelStatus: every version that is managed, with what went wrong; one that the policy leaves out is none', async (t) => {
  const models = {
    'm/1/model.onnx': addModel(1),
    'm/2/model.onnx': addModel(2),
    'm/3/model.onnx': Buffer.from('no model'),
    'latest/1/model.onnx': addModel(1),
    'latest/2/model.onnx': addModel(2),
    'empty/1/nothing.txt': Buffer.from(''),
  };
  const { grpcPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, models)],
    workers: { count: 1 },
    models: { m: { versionPolicy: 'all' } },
  });
  const call = tfsCaller(t, grpcPort);
  const ask = async (modelSpec: { name: string; versionChoice?: ReturnType<typeof version> }) => {
    const { answer, status, message } = await call(STATUS, { modelSpec });
    return answer === undefined ? [`${status} ${message}`] : inWords(answer.modelVersionStatus);
  };
  const all = await ask({ name: 'm' });
  assert.deepEqual(all.slice(0, 2), ['1 AVAILABLE 0', '2 AVAILABLE 0']);
  assert.match(all[2] as string, /^3 END 9 .*model/);
  assert.deepEqual(await ask({ name: 'm', versionChoice: version(2n) }), ['2 AVAILABLE 0']);
  assert.deepEqual(await ask({ name: 'latest' }), ['2 AVAILABLE 0']);
  const [leftOut] = await ask({ name: 'latest', versionChoice: version(1n) });
  assert.match(
    leftOut as string,
    /^5 Could not find version 1 of model latest \(left out by the version policy/,
  );
  assert.deepEqual(await ask({ name: 'm', versionChoice: version(7n) }), [
    '5 Could not find version 7 of model m',
  ]);
  assert.deepEqual(await ask({ name: 'nobody' }), ['5 Could not find any versions of model nobody']);
  assert.match((await ask({ name: 'empty' }))[0] as string, /^1 END 9 its directory holds no model.onnx/);
});
