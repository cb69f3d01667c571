import { isDatatype, SERVED_DATATYPES } from '../gateway/core/datatype.js';
import { GatewayError, quote } from '../gateway/core/error.js';
import type { TensorSpec } from '../gateway/core/model.js';
import {
  FAULT_KINDS,
  FAULT_MOMENTS,
  type FaultKind,
  type FaultMoment,
  type FaultPlan,
} from './waiting-faults.js';

/** What a `model.wait.json` says: a model that takes time and no CPU, and fails as it is told. */
export interface WaitingSpec {
  /** A run of b rows waits `fixed + perRow * b` milliseconds. */
  readonly costMs: { readonly fixed: number; readonly perRow: number };
  /** Milliseconds that a load waits. @default 0 */
  readonly loadMs: number;
  /** Milliseconds that a loaded model waits until it is warm. @default 0 */
  readonly warmUpMs: number;
  /** @default one input `X`, FP32 [-1, 4] */
  readonly inputs: readonly TensorSpec[];
  /** Output i is input i again. @default `Y`, or `Y0`, `Y1`, … where there are several inputs */
  readonly outputs: readonly TensorSpec[];
  /** Undefined: the server's default. */
  readonly maxBatchSize: number | undefined;
  /** @default none */
  readonly faults: readonly FaultPlan[];
  /** Folder beside the file in which faults are left from outside, see waiting-orders.ts. @default none is looked for */
  readonly faultFolder: string | undefined;
  /** Of the faults' probabilities. @default 1 */
  readonly seed: number;
}

const KEYS = [
  'costMs',
  'loadMs',
  'warmUpMs',
  'inputs',
  'outputs',
  'maxBatchSize',
  'faults',
  'faultFolder',
  'seed',
];
/** One name, and no way out of the model's own folder. */
const FOLDER = /^[\w-]{1,64}$/;
const DEFAULT_INPUT: TensorSpec = { name: 'X', datatype: 'FP32', shape: [-1, 4] };
const MAX_MS = 3_600_000;

type Json = Readonly<Record<string, unknown>>;

/** Whether a model's file is a waiting model's, and so not the ONNX runtime's business. */
export function isWaitingModel(modelPath: string): boolean {
  return modelPath.endsWith('.wait.json');
}

/** Reads a `model.wait.json`. Throws FAILED_PRECONDITION that names the field that is wrong. */
export function parseWaitingSpec(text: string): WaitingSpec {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refuse(`the file is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  const spec = object(json, 'the file', KEYS);
  const cost = object(spec.costMs ?? {}, 'costMs', ['fixed', 'perRow']);
  const inputs = list(spec.inputs ?? [DEFAULT_INPUT], 'inputs').map(tensorSpec);
  if (inputs.length === 0) throw refuse('inputs is empty: wanted at least one');
  const names = inputs.map((_, i) => (inputs.length === 1 ? 'Y' : `Y${i}`));
  const outputs = list(spec.outputs ?? names, 'outputs');
  if (outputs.length !== inputs.length)
    throw refuse(`outputs has ${outputs.length} names, wanted ${inputs.length}: one for each input`);
  return {
    costMs: {
      fixed: number(cost.fixed ?? 0, 'costMs.fixed', 0, MAX_MS),
      perRow: number(cost.perRow ?? 0, 'costMs.perRow', 0, MAX_MS),
    },
    loadMs: number(spec.loadMs ?? 0, 'loadMs', 0, MAX_MS),
    warmUpMs: number(spec.warmUpMs ?? 0, 'warmUpMs', 0, MAX_MS),
    inputs,
    outputs: inputs.map((input, i) => ({ ...input, name: string(outputs[i], `outputs[${i}]`) })),
    maxBatchSize:
      spec.maxBatchSize === undefined ? undefined : number(spec.maxBatchSize, 'maxBatchSize', 0, 1e6, true),
    faults: list(spec.faults ?? [], 'faults').map(faultPlan),
    faultFolder: spec.faultFolder === undefined ? undefined : folder(spec.faultFolder),
    seed: number(spec.seed ?? 1, 'seed', 0, 2 ** 32 - 1, true),
  };
}

function tensorSpec(value: unknown, i: number): TensorSpec {
  const at = `inputs[${i}]`;
  const { name, datatype, shape } = object(value, at, ['name', 'datatype', 'shape']);
  const type = string(datatype, `${at}.datatype`);
  if (!isDatatype(type) || !SERVED_DATATYPES.has(type))
    throw refuse(`${at}.datatype is ${quote(type)}, wanted one of ${[...SERVED_DATATYPES].join(', ')}`);
  const dims = list(shape, `${at}.shape`).map((dim, d) => number(dim, `${at}.shape[${d}]`, -1, 1e9, true));
  return { name: string(name, `${at}.name`), datatype: type, shape: dims };
}

function faultPlan(value: unknown, i: number): FaultPlan {
  const at = `faults[${i}]`;
  const { kind, probability, when } = object(value, at, ['kind', 'probability', 'when']);
  const what = string(kind, `${at}.kind`);
  if (!(FAULT_KINDS as readonly string[]).includes(what))
    throw refuse(`${at}.kind is ${quote(what)}, wanted one of ${FAULT_KINDS.join(', ')}`);
  const moment = when ?? 'run';
  if (!(FAULT_MOMENTS as readonly unknown[]).includes(moment))
    throw refuse(`${at}.when is none of ${FAULT_MOMENTS.join(', ')}`);
  return {
    kind: what as FaultKind,
    probability: number(probability, `${at}.probability`, 0, 1),
    when: moment as FaultMoment,
  };
}

function folder(value: unknown): string {
  const name = string(value, 'faultFolder');
  if (!FOLDER.test(name)) throw refuse('faultFolder is not one name of letters, digits, _ and -');
  return name;
}

function object(value: unknown, at: string, keys: readonly string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(`${at} is not an object`);
  for (const key of Object.keys(value))
    if (!keys.includes(key)) throw refuse(`${at} has ${quote(key)}, wanted only ${keys.join(', ')}`);
  return value as Json;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(`${at} is not a list`);
  return value;
}

function string(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw refuse(`${at} is not a text`);
  return value;
}

function number(value: unknown, at: string, min: number, max: number, whole = false): number {
  const right = typeof value === 'number' && value >= min && value <= max;
  if (!right || (whole && !Number.isInteger(value)))
    throw refuse(`${at} is not a ${whole ? 'whole ' : ''}number from ${min} to ${max}`);
  return value;
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
