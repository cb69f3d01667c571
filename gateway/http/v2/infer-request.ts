import { classCount } from '../../core/class-count.js';
import { DATATYPE_BYTES, type Datatype, isDatatype } from '../../core/datatype.js';
import { GatewayError, quote } from '../../core/error.js';
import type { InferCall, ParameterValue } from '../../core/infer-call.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { JsonReader } from '../json/reader.js';
import { TensorReader } from '../json/tensor-reader.js';
import { type BinaryPart, takeBinary } from './binary-part.js';
import { readDims } from './read-dims.js';
import { readParameters } from './read-parameters.js';

/** What the body of an infer request says. */
export interface V2Request extends Pick<InferCall, 'inputs' | 'outputs' | 'parameters' | 'classifications'> {
  /** `undefined` where it gives none. */
  readonly id: string | undefined;
  /** By output, whether its data are wanted as bytes behind the JSON; others as `allBinary` says. */
  readonly binary: ReadonlyMap<string, boolean>;
  readonly allBinary: boolean;
}

/** Most inputs and outputs of a request, as over gRPC. */
const MAX_ITEMS = 4096;
const NO_PARAMETERS: ReadonlyMap<string, ParameterValue> = new Map();

/**
 * Reads the body of `POST /v2/models/{m}/infer` (Open Inference Protocol, REST) with Triton's binary tensor extension: the first
 * `jsonBytes` are JSON, the tensors that give `binary_data_size` follow it, in their order. Throws INVALID_ARGUMENT with line and column,
 * UNIMPLEMENTED for shared memory.
 */
export function readInferRequest(body: Buffer, jsonBytes: number): V2Request {
  const reader = new JsonReader(jsonBytes === body.length ? body : body.subarray(0, jsonBytes));
  const binary: BinaryPart = { bytes: body, at: jsonBytes };
  const outputs = new Outputs();
  let inputs: Tensor[] | undefined;
  let id: string | undefined;
  let parameters = NO_PARAMETERS;
  reader.beginObject();
  for (let key = reader.key(); key !== undefined; key = reader.key()) {
    if (key === 'inputs') inputs = readInputs(reader, binary);
    else if (key === 'outputs') outputs.read(reader);
    else if (key === 'id') id = reader.string();
    else if (key === 'parameters') parameters = readParameters(reader);
    else reader.skip();
  }
  reader.end();
  if (inputs === undefined) throw bad("the request has no 'inputs'", 'inputs');
  if (binary.at !== body.length)
    throw bad(
      `${body.length - binary.at} bytes are left behind the tensors: 'binary_data_size' says of how many each is`,
      'inputs',
    );
  const allBinary = parameters.get('binary_data_output') === true;
  return { id, inputs, parameters, allBinary, ...outputs.wanted() };
}

/** The outputs that are asked for, and how. */
class Outputs {
  readonly #names: string[] = [];
  readonly #binary = new Map<string, boolean>();
  #classifications: Map<string, number> | undefined;

  read(reader: JsonReader): void {
    reader.beginArray();
    while (reader.element()) this.#one(reader);
  }

  wanted() {
    return { outputs: this.#names, binary: this.#binary, classifications: this.#classifications };
  }

  #one(reader: JsonReader): void {
    let name = '';
    let parameters = NO_PARAMETERS;
    reader.beginObject();
    for (let key = reader.key(); key !== undefined; key = reader.key()) {
      if (key === 'name') name = reader.string();
      else if (key === 'parameters') parameters = readParameters(reader);
      else reader.skip();
    }
    if (this.#names.length >= MAX_ITEMS) throw bad(`more than ${MAX_ITEMS} entries in outputs`, 'outputs');
    refuseSharedMemory(parameters, 'output', name);
    this.#names.push(name);
    const binary = parameters.get('binary_data');
    if (typeof binary === 'boolean') this.#binary.set(name, binary);
    const classes = parameters.get('classification');
    if (classes === undefined) return;
    this.#classifications ??= new Map();
    this.#classifications.set(name, classCount(classes, name));
  }
}

function readInputs(reader: JsonReader, binary: BinaryPart): Tensor[] {
  const inputs: Tensor[] = [];
  reader.beginArray();
  while (reader.element()) {
    if (inputs.length >= MAX_ITEMS) throw bad(`more than ${MAX_ITEMS} entries in inputs`, 'inputs');
    inputs.push(readInput(reader, inputs.length, binary));
  }
  return inputs;
}

/** Members come in any order; data that come before their datatype are passed over, and read at the end. */
function readInput(reader: JsonReader, index: number, binary: BinaryPart): Tensor {
  let name = '';
  let given: string | undefined;
  let shape: number[] | undefined;
  let parameters = NO_PARAMETERS;
  let dataAt = -1;
  let tensor: Tensor | undefined;
  reader.beginObject();
  for (let key = reader.key(); key !== undefined; key = reader.key()) {
    if (key === 'name') name = reader.string();
    else if (key === 'datatype') given = reader.string();
    else if (key === 'shape') shape = readDims(reader, index);
    else if (key === 'parameters') parameters = readParameters(reader);
    else if (key !== 'data') reader.skip();
    else if (given !== undefined && shape !== undefined && name !== '')
      tensor = readData(reader, name, shape, datatypeOf(given, name, index), index);
    else {
      reader.peek();
      dataAt = reader.at;
      reader.skip();
    }
  }
  refuseSharedMemory(parameters, 'input', name);
  // Nearly all: their data came last, or before nothing that matters.
  if (tensor !== undefined && !parameters.has('binary_data_size')) return tensor;
  const at = reader.at;
  const datatype = datatypeOf(given ?? '', name, index);
  if (shape === undefined)
    throw bad(`inference input ${quote(name)} has no 'shape'`, `inputs[${index}].shape`);
  const size = parameters.get('binary_data_size');
  if (size !== undefined) {
    if (tensor !== undefined || dataAt >= 0)
      throw bad(
        `inference input ${quote(name)} has both 'data' and 'binary_data_size'`,
        `inputs[${index}].data`,
      );
    return { name, datatype, shape, data: takeBinary(binary, size, name, index) };
  }
  if (dataAt >= 0) {
    reader.rewind(dataAt);
    const late = readData(reader, name, shape, datatype, index);
    reader.rewind(at);
    return late;
  }
  if (elementCount(shape) === 0) return { name, datatype, shape, data: new Uint8Array(0) };
  throw bad(`unable to find data for input tensor ${quote(name)} in request.`, `inputs[${index}].data`);
}

/** Flat, or nested as the shape says. */
function readData(
  reader: JsonReader,
  name: string,
  shape: number[],
  datatype: Datatype,
  index: number,
): Tensor {
  const wanted = elementCount(shape);
  const where = `inputs[${index}].data`;
  // No more room than the text could fill: each element takes a character at least.
  const expected = Math.min(wanted, (reader.text.length - reader.at) >> 1);
  const values = new TensorReader({ datatype, where, expected, int64Strings: true, base64: true });
  const given = values.read(reader);
  const flat = given.length <= 1;
  const count = elementCount(given);
  const same = given.length === shape.length && given.every((size, at) => size === shape[at]);
  const empty = wanted === 0 && count === 0;
  if (!empty && (flat ? count !== wanted : !same))
    throw bad(
      `${where} has ${flat ? `${count} elements` : `the shape [${given}]`}, wanted ${flat ? wanted : `[${shape}]`} for the shape [${shape}] of input ${quote(name)}`,
      where,
    );
  return { name, datatype, shape, data: values.finish() };
}

function datatypeOf(given: string, name: string, index: number): Datatype {
  if (isDatatype(given)) return given;
  throw bad(
    `inference input ${quote(name)} data-type is ${quote(given)}, which is none of ${Object.keys(DATATYPE_BYTES).join(', ')}`,
    `inputs[${index}].datatype`,
  );
}

function refuseSharedMemory(
  parameters: ReadonlyMap<string, ParameterValue>,
  kind: 'input' | 'output',
  name: string,
): void {
  if (parameters.size === 0 || !parameters.has('shared_memory_region')) return;
  const message = `${kind} ${quote(name)}: shared memory is not supported; send the bytes`;
  throw new GatewayError('UNIMPLEMENTED', message, { reason: 'bad_request' });
}

function bad(message: string, field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
