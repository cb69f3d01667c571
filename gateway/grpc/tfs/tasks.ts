import { GatewayError } from '../../core/error.js';
import type { InferResult } from '../../core/infer-call.js';
import type { Tensor } from '../../core/tensor.js';
import { DEFAULT_SIGNATURE, givenSpec, inServingWords, type ModelSpec } from '../../core/tfs/model-spec.js';
import { classesOf, valuesOf } from '../../core/tfs/task-results.js';
import { type Task, type TaskKind, wantedTask } from '../../core/tfs/tasks.js';
import type { Message, RpcContext, RpcMethod } from '../../core/transport.js';
import { ClassificationResponseSchema } from '../../gen/tensorflow_serving/apis/classification_pb.js';
import { MultiInferenceResponseSchema } from '../../gen/tensorflow_serving/apis/inference_pb.js';
import { PredictionService } from '../../gen/tensorflow_serving/apis/prediction_service_pb.js';
import { RegressionResponseSchema } from '../../gen/tensorflow_serving/apis/regression_pb.js';
import { asBuffer } from '../call-host.js';
import { pathOf, serializeMessage } from '../messages.js';
import { exampleRows } from './example-rows.js';
import { DEFAULT_MAX_BYTES, type InferringOptions, inferCall, resolveSpec } from './infer-call.js';
import { decodeInputRequest, decodeMultiRequest, type InputRequest } from './input-codec.js';
import { planTasks } from './plan-tasks.js';

/** Classify, Regress and MultiInference: rows of `tensorflow.Example`s, through the same layers as every other inference. */
export function taskMethods(options: InferringOptions): RpcMethod[] {
  const rpc = PredictionService.method;
  return [
    inferring(pathOf(rpc.classify), async (body, context) => {
      const { result, task, rows, modelSpec } = await runOne('classify', body, context, options);
      return serializeMessage(ClassificationResponseSchema, {
        result: classified(result, task, rows),
        modelSpec,
      });
    }),
    inferring(pathOf(rpc.regress), async (body, context) => {
      const { result, task, rows, modelSpec } = await runOne('regress', body, context, options);
      return serializeMessage(RegressionResponseSchema, { result: regressed(result, task, rows), modelSpec });
    }),
    inferring(pathOf(rpc.multiInference), (body, context) => multiInference(body, context, options)),
  ];
}

function inferring(
  path: string,
  answer: (body: Uint8Array, context: RpcContext) => Promise<Uint8Array>,
): RpcMethod {
  const handler = async (body: Uint8Array, context: RpcContext): Promise<Message> =>
    asBuffer(await answer(body, context));
  return { kind: 'unary', path, sheddable: true, handler };
}

/** One task on one request's rows. */
async function runOne(kind: TaskKind, body: Uint8Array, context: RpcContext, options: InferringOptions) {
  const request = decodeInputRequest(body);
  const spec = givenSpec(request.spec);
  try {
    const version = resolveSpec(spec, context);
    const task = wantedTask(kind, spec.signature, options.catalog.describe(spec.name, version));
    const { result, rows } = await run(spec, version, [task], request, body.length, context, options);
    return { result, task, rows, modelSpec: effectiveSpec(result, spec) };
  } catch (thrown) {
    throw inServingWords(thrown, spec);
  }
}

/** Runs the rows once, whatever is asked of them. */
async function run(
  spec: ModelSpec,
  version: string,
  tasks: readonly [Task, ...Task[]],
  { reader, input }: Pick<InputRequest, 'reader' | 'input'>,
  messageBytes: number,
  context: RpcContext,
  { infer, callerKey, maxMessageBytes = DEFAULT_MAX_BYTES }: InferringOptions,
): Promise<{ result: InferResult; rows: number }> {
  const [task] = tasks;
  const rows = input.examples.length;
  if (rows * task.width * 4 > maxMessageBytes && rows <= task.maxRows)
    throw new GatewayError('INVALID_ARGUMENT', `${rows} rows take more than a message may have`, {
      reason: 'bad_request',
      field: 'input',
    });
  // More rows than the model takes are refused by whoever looks at the shape: no memory is taken for them.
  const data = rows > task.maxRows ? new Uint8Array(0) : exampleRows(reader, input, task);
  const tensor: Tensor = { name: task.input.name, datatype: 'FP32', shape: [rows, task.width], data };
  const outputs = [...new Set(tasks.map(({ output }) => output.name))];
  const bytes = messageBytes + data.length;
  const call = inferCall(spec.name, version, [tensor], outputs, bytes, callerKey, context);
  return { result: await infer(call), rows };
}

async function multiInference(
  body: Uint8Array,
  context: RpcContext,
  options: InferringOptions,
): Promise<Uint8Array> {
  const request = decodeMultiRequest(body);
  const spec = request.tasks[0]?.spec ?? { name: '', version: undefined, label: '', signature: '' };
  try {
    const version = resolveSpec(spec, context);
    const tasks = planTasks(request.tasks, options.catalog.describe(spec.name, version));
    const { result, rows } = await run(spec, version, tasks, request, body.length, context, options);
    const results = tasks.map((task, index) => ({
      modelSpec: effectiveSpec(result, request.tasks[index]?.spec ?? spec),
      result:
        task.kind === 'classify'
          ? { case: 'classificationResult' as const, value: classified(result, task, rows) }
          : { case: 'regressionResult' as const, value: regressed(result, task, rows) },
    }));
    return serializeMessage(MultiInferenceResponseSchema, { results });
  } catch (thrown) {
    throw inServingWords(thrown, spec);
  }
}

function classified(result: InferResult, task: Task, rows: number) {
  const found = classesOf(task, rows, outputOf(result, task));
  return { classifications: found.map((classes) => ({ classes })) };
}

function regressed(result: InferResult, task: Task, rows: number) {
  return { regressions: valuesOf(rows, outputOf(result, task)).map((value) => ({ value })) };
}

/** It was asked for, so that it is there. */
function outputOf({ outputs }: InferResult, { output }: Task): Tensor {
  return outputs.find(({ name }) => name === output.name) as Tensor;
}

function effectiveSpec({ model, version }: InferResult, { signature }: ModelSpec) {
  return {
    name: model,
    versionChoice: { case: 'version' as const, value: { value: BigInt(version) } },
    signatureName: signature === '' ? DEFAULT_SIGNATURE : signature,
  };
}
