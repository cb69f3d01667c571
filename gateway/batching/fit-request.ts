import { DATATYPE_BYTES } from '../core/datatype.js';
import { GatewayError, quote } from '../core/error.js';
import type { InferCall } from '../core/infer-call.js';
import type { TensorSpec } from '../core/model.js';
import { elementCount, type Tensor } from '../core/tensor.js';
import type { Lane } from './lane.js';

/** What a request needs of a batch, and with whom it can share one. */
export interface Fit {
  /** In the signature's order. */
  readonly inputs: readonly Tensor[];
  /** Rows of every input; 1 where requests run alone. */
  readonly rows: number;
  /** Room it takes in queues and batches: its rows, but 1 for none, so that empty requests are bounded too. */
  readonly cost: number;
  /** Of memory: its inputs, or the whole message that they are views on. */
  readonly bytes: number;
  /** Equal for requests of one version whose inputs and per-row shapes (dims 1 and on) are the same. */
  readonly shape: string;
}

/**
 * Measures a request. The validate layer has refused what does not match the signature; what would let one request's bytes
 * slide into another's rows is checked again here, where they are about to share a buffer. Throws INVALID_ARGUMENT.
 */
export function fitRequest(call: InferCall, lane: Lane): Fit {
  const inputs = inSignatureOrder(call.inputs, lane);
  let bytes = 0;
  for (const input of inputs) bytes += input.data.length;
  bytes = Math.max(bytes, call.messageBytes ?? 0);
  if (lane.alone) return { inputs, rows: 1, cost: 1, bytes, shape: '' };

  const rows = inputs[0]?.shape[0];
  if (rows === undefined) throw refuse(lane, 'has no batch dimension: no input, or a scalar');
  if (rows > lane.maxCost) {
    throw new GatewayError(
      'INVALID_ARGUMENT',
      `inference request batch-size must be <= ${lane.maxCost} for ${quote(lane.manifest.model)}: got ${rows}`,
      { reason: 'bad_request' },
    );
  }
  const specs = lane.manifest.signature.inputs;
  let shape = '';
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i] as Tensor;
    checkInput(input, rows, lane);
    // An input that the request leaves out changes who it can run with.
    if (inputs.length !== specs.length) shape += `${input.name}\0`;
    for (let dim = 1; dim < input.shape.length; dim++) shape += `${input.shape[dim]},`;
    shape += ';';
  }
  return { inputs, rows, cost: Math.max(1, rows), bytes, shape };
}

function checkInput(input: Tensor, rows: number, lane: Lane): void {
  if (input.shape[0] !== rows) {
    throw refuse(lane, `has ${input.shape[0]} rows in input ${quote(input.name)}, ${rows} in the first`);
  }
  const elementBytes = DATATYPE_BYTES[input.datatype];
  if (elementBytes === 0) return;
  const wanted = elementCount(input.shape) * elementBytes;
  if (input.data.length !== wanted) {
    const got = input.data.length;
    throw refuse(lane, `has ${got} bytes in input ${quote(input.name)}, its shape needs ${wanted}`);
  }
}

function inSignatureOrder(inputs: readonly Tensor[], lane: Lane): readonly Tensor[] {
  const specs = lane.manifest.signature.inputs;
  if (inputs.length === specs.length && inputs.every((input, i) => matches(input, specs[i]))) return inputs;
  const byName = new Map<string, Tensor>();
  for (const input of inputs) byName.set(input.name, input);
  const ordered: Tensor[] = [];
  for (const spec of specs) {
    const input = byName.get(spec.name);
    if (input === undefined) continue;
    if (!matches(input, spec)) {
      throw refuse(lane, `has ${input.datatype} in input ${quote(spec.name)}, wanted ${spec.datatype}`);
    }
    ordered.push(input);
  }
  if (ordered.length !== inputs.length) throw refuse(lane, 'has an unknown or a repeated input');
  return ordered;
}

function matches(input: Tensor, spec: TensorSpec | undefined): boolean {
  return input.name === spec?.name && input.datatype === spec.datatype;
}

function refuse(lane: Lane, what: string): GatewayError {
  const { model, version } = lane.manifest;
  return new GatewayError(
    'INVALID_ARGUMENT',
    `cannot batch a request for model ${quote(model)} version ${version}: it ${what}`,
    { reason: 'bad_request' },
  );
}
