import { GatewayError } from '../error.js';
import type { Manifest } from '../manifest.js';
import type { Signature, TensorSpec } from '../model.js';
import { tensorflowName } from './datatype-names.js';
import { bare, DEFAULT_SIGNATURE } from './model-spec.js';

/** What Classify and Regress make of a model: how its rows are put in, and which output answers. */
export interface Task {
  readonly kind: 'classify' | 'regress';
  readonly input: TensorSpec;
  /** Floats of a row. */
  readonly width: number;
  /** Most rows that it takes. */
  readonly maxRows: number;
  /** What the elements of a row are called, in their order; undefined where nobody has said. */
  readonly features: readonly string[] | undefined;
  readonly output: TensorSpec;
  /** Class labels, index by index; empty where the model has none. */
  readonly labels: readonly string[];
}

export type TaskKind = Task['kind'];

/** Each kind's own signature, the method that TensorFlow calls it, and how messages call it. */
const KINDS = {
  classify: { signature: 'classification', method: 'tensorflow/serving/classify', noun: 'classification' },
  regress: { signature: 'regression', method: 'tensorflow/serving/regress', noun: 'regression' },
} as const;

/** The signature of a kind beside `serving_default`. */
export function taskSignature(kind: TaskKind): string {
  return KINDS[kind].signature;
}

/** What TensorFlow calls a kind's method. */
export function taskMethod(kind: TaskKind): string {
  return KINDS[kind].method;
}

/** The kind that TensorFlow calls so; undefined for a method that is none. */
export function kindOfMethod(method: string): TaskKind | undefined {
  return (['classify', 'regress'] as const).find((kind) => KINDS[kind].method === method);
}

/** The task of a model, or in words why it has none. Pure; asked at every call, and cheap. */
export function taskOf(kind: TaskKind, manifest: Manifest): Task | string {
  const { signature, features, classes } = manifest;
  const [input, ...more] = signature.inputs;
  if (input === undefined || more.length > 0) return 'Expected one input Tensor.';
  const width = input.shape[1];
  if (input.datatype !== 'FP32' || input.shape.length !== 2 || width === undefined || width < 1) {
    const given = `${tensorflowName(input.datatype)} of shape [${input.shape.join(',')}]`;
    return `Expected the input Tensor to be a float matrix with a fixed number of columns, but ${bare(input.name)} is ${given}`;
  }
  const fitting = signature.outputs.filter((output) => answers(kind, output));
  const labelsOf = ({ name, labels }: TensorSpec) => labels ?? classes?.[name] ?? [];
  const output = fitting.find((candidate) => labelsOf(candidate).length > 0) ?? fitting[0];
  const shape = kind === 'classify' ? '[batch_size num_classes]' : '[batch_size] or [batch_size, 1]';
  if (output === undefined) return `Expected an output Tensor of DT_FLOAT and shape ${shape}`;
  const labelled = labelsOf(output).length > 0 && kind === 'classify';
  if (fitting.length > 1 && !labelled)
    return `Expected one output Tensor of DT_FLOAT and shape ${shape}, found ${fitting.length}`;
  const names = features?.[input.name];
  return {
    ...{ kind, input, width, maxRows: maxRows(signature, input), output, labels: labelsOf(output) },
    features: names?.length === width ? names : undefined,
  };
}

function maxRows({ batchable, maxBatchSize }: Signature, { shape }: TensorSpec): number {
  if (batchable) return maxBatchSize;
  const [rows = -1] = shape;
  return rows < 0 ? Number.POSITIVE_INFINITY : rows;
}

function answers(kind: TaskKind, { datatype, shape }: TensorSpec): boolean {
  if (datatype !== 'FP32') return false;
  const [, columns] = shape;
  if (kind === 'classify') return shape.length === 2 && columns !== 1;
  return shape.length === 1 || (shape.length === 2 && columns === 1);
}

/**
 * The task that a request's signature asks for. Throws INVALID_ARGUMENT in the words of TensorFlow Serving's classifier.cc and
 * regressor.cc.
 */
export function wantedTask(kind: TaskKind, signatureName: string, manifest: Manifest): Task {
  const task = taskOf(kind, manifest);
  const { signature, method, noun } = KINDS[kind];
  const other = kind === 'classify' ? 'regress' : 'classify';
  const byDefault = signatureName === '' || signatureName === DEFAULT_SIGNATURE;
  if (signatureName === KINDS[other].signature && typeof taskOf(other, manifest) !== 'string')
    throw refused(
      `Expected ${noun} signature method_name to be ${method}. Was: ${KINDS[other].method}`,
      'model_spec.signature_name',
    );
  if (!byDefault && (signatureName !== signature || typeof task === 'string'))
    throw refused(
      `No signature was found with the name: ${bare(signatureName)}`,
      'model_spec.signature_name',
    );
  if (typeof task === 'string') throw refused(task, 'model_spec.name');
  return task;
}

function refused(message: string, field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
