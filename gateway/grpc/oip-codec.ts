/**
 * ModelInfer's request by hand (its response: infer-response.ts): the one RPC where decoding shows in the throughput. The
 * fields are those of proto/inference/grpc_service.proto. Tensor bytes are views on the request.
 */

import { classCount } from '../core/class-count.js';
import { DATATYPE_BYTES, type Datatype, isDatatype } from '../core/datatype.js';
import { GatewayError, quote } from '../core/error.js';
import type { InferCall, ParameterValue } from '../core/infer-call.js';
import { elementCount, type Tensor } from '../core/tensor.js';
import { TensorContents } from './tensor-contents.js';
import { WireReader } from './wire-reader.js';

/** What a ModelInferRequest says; the rest of an InferCall comes from the transport. */
export type InferRequest = Pick<
  InferCall,
  'model' | 'version' | 'id' | 'inputs' | 'outputs' | 'parameters' | 'classifications'
>;

/** See `WireReader.spend`: a packed shape takes a byte for each. */
const DIMENSION_COST = 8;

/** More dimensions than any model has. */
const MAX_RANK = 64;
/** Most inputs, outputs, raw contents or parameters of a request: an empty one takes two bytes on the wire, but an object here. */
const MAX_ITEMS = 4096;

/** What nearly every request has; never written to. */
const NO_PARAMETERS: ReadonlyMap<string, ParameterValue> = new Map();

/** An input as it stands in the message; its datatype and contents may come in any order. */
interface WireInput {
  name: string;
  datatype: string;
  shape: number[];
  /** What is wrong with the shape, in words; told once the name is known. */
  shapeFault: string | undefined;
  contents: TensorContents | undefined;
}

/**
 * Reads a ModelInferRequest. Throws a GatewayError: INTERNAL when the bytes are no such message, INVALID_ARGUMENT when
 * its tensors cannot be meant, UNIMPLEMENTED when it asks for shared memory.
 */
export function decodeInferRequest(body: Uint8Array): InferRequest {
  const reader = new WireReader(body);
  const inputs: WireInput[] = [];
  const outputs: string[] = [];
  const raw: Uint8Array[] = [];
  let parameters: Map<string, ParameterValue> | undefined;
  let classifications: Map<string, number> | undefined;
  let model = '';
  let version = '';
  let id = '';
  while (reader.more) {
    const tag = reader.tag();
    const outer = reader.end;
    switch (tag) {
      case 0x0a:
        model = reader.string();
        break;
      case 0x12:
        version = reader.string();
        break;
      case 0x1a:
        id = reader.string();
        break;
      case 0x22:
        parameters ??= new Map();
        readParameter(reader, parameters);
        break;
      case 0x2a:
        reader.enter();
        pushBounded(inputs, readInput(reader), 'inputs');
        reader.leave(outer);
        break;
      case 0x32:
        reader.enter();
        classifications = readOutput(reader, outputs, classifications);
        reader.leave(outer);
        break;
      case 0x3a:
        pushBounded(raw, reader.bytes(), 'raw_input_contents');
        break;
      default:
        reader.skipUnknown(tag, 7);
    }
  }
  return {
    model,
    version,
    id,
    inputs: toTensors(inputs, raw, model),
    outputs,
    parameters: parameters ?? NO_PARAMETERS,
    classifications,
  };
}

function pushBounded<T>(list: T[], item: T, what: string): void {
  if (list.length >= MAX_ITEMS) throw badRequest(`more than ${MAX_ITEMS} entries in ${what}`, what);
  list.push(item);
}

function readInput(reader: WireReader): WireInput {
  const input: WireInput = { name: '', datatype: '', shape: [], shapeFault: undefined, contents: undefined };
  let parameters: Map<string, ParameterValue> | undefined;
  while (reader.more) {
    const tag = reader.tag();
    const outer = reader.end;
    switch (tag) {
      case 0x0a:
        input.name = reader.string();
        break;
      case 0x12:
        input.datatype = reader.string();
        break;
      case 0x18:
        readDim(reader, input);
        break;
      case 0x1a:
        reader.enter();
        while (reader.more) readDim(reader, input);
        reader.leave(outer);
        break;
      case 0x22:
        parameters ??= new Map();
        readParameter(reader, parameters);
        break;
      case 0x2a:
        reader.enter();
        input.contents ??= new TensorContents();
        input.contents.read(reader);
        reader.leave(outer);
        break;
      default:
        reader.skipUnknown(tag, 5);
    }
  }
  if (parameters !== undefined) refuseSharedMemory(parameters, `input ${quote(input.name)}`);
  return input;
}

/** One dimension; what is no dimension is noted and told later, since the rest of the message may be broken too. */
function readDim(reader: WireReader, input: WireInput): void {
  reader.spend(DIMENSION_COST);
  reader.varint();
  const { lo, hi } = reader;
  const at = input.shape.length;
  if (at >= MAX_RANK) input.shapeFault ??= `more than ${MAX_RANK} dimensions`;
  else if (hi >>> 0 < 0x200000) input.shape.push(hi * 0x100000000 + (lo >>> 0));
  else {
    const dim = (BigInt(hi) << 32n) | BigInt(lo >>> 0);
    input.shapeFault ??= `the dimension ${dim} at index ${at}, wanted 0 to ${Number.MAX_SAFE_INTEGER}`;
  }
}

/** Appends the output's name; returns the classifications, with its own if it asks for one. */
function readOutput(
  reader: WireReader,
  outputs: string[],
  classifications: Map<string, number> | undefined,
): Map<string, number> | undefined {
  let name = '';
  let parameters: Map<string, ParameterValue> | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x0a) name = reader.string();
    else if (tag === 0x12) {
      parameters ??= new Map();
      readParameter(reader, parameters);
    } else reader.skipUnknown(tag, 2);
  }
  pushBounded(outputs, name, 'outputs');
  if (parameters === undefined) return classifications;
  refuseSharedMemory(parameters, `output ${quote(name)}`);
  const wanted = parameters.get('classification');
  if (wanted === undefined) return classifications;
  return (classifications ?? new Map<string, number>()).set(name, classCount(wanted, name));
}

/** One entry of a `map<string, InferParameter>`, tag already read. A value that was not set is left out. */
function readParameter(reader: WireReader, into: Map<string, ParameterValue>): void {
  const entry = reader.enter();
  let key = '';
  let value: ParameterValue | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x0a) key = reader.string();
    else if (tag === 0x12) {
      const outer = reader.enter();
      while (reader.more) value = readParameterValue(reader, value);
      reader.leave(outer);
    } else reader.skipUnknown(tag, 2);
  }
  reader.leave(entry);
  // A later entry of the same key replaces the earlier one, also where it sets no value.
  if (value === undefined) into.delete(key);
  else if (into.size < MAX_ITEMS || into.has(key)) into.set(key, value);
  else throw badRequest(`more than ${MAX_ITEMS} parameters`, 'parameters');
}

function readParameterValue(reader: WireReader, before: ParameterValue | undefined): typeof before {
  const tag = reader.tag();
  switch (tag) {
    case 0x08:
      return reader.bool();
    case 0x10:
      return reader.int64();
    case 0x1a:
      return reader.string();
    case 0x21:
      return reader.double();
    case 0x28:
      return reader.uint64();
    default:
      reader.skipUnknown(tag, 5);
      return before;
  }
}

function refuseSharedMemory(parameters: ReadonlyMap<string, ParameterValue>, whose: string): void {
  if (!parameters.has('shared_memory_region')) return;
  throw new GatewayError('UNIMPLEMENTED', `${whose}: shared memory is not supported; send the bytes`, {
    reason: 'bad_request',
  });
}

/** Joins inputs with their data, which are all raw or all typed. The messages in Triton's words are searched for by clients. */
function toTensors(inputs: readonly WireInput[], raw: readonly Uint8Array[], model: string): Tensor[] {
  if (raw.length > 0) {
    const typed = inputs.findIndex((input) => input.contents !== undefined);
    if (typed >= 0) {
      throw badRequest(
        `contents field must not be specified when using raw_input_contents for ${quote(inputs[typed]?.name ?? '')} for model ${quote(model)}`,
        `inputs[${typed}].contents`,
      );
    }
    if (raw.length > inputs.length) {
      throw badRequest(
        `expected ${inputs.length} raw_input_contents, one for each input, but got ${raw.length} for model ${quote(model)}`,
        'raw_input_contents',
      );
    }
  }
  return inputs.map((input, index) => {
    const { name, shape } = input;
    if (input.shapeFault !== undefined)
      throw badRequest(`inference input ${quote(name)} has ${input.shapeFault}`, `inputs[${index}].shape`);
    const datatype = toDatatype(input, index);
    const data = raw.length > 0 ? raw[index] : input.contents?.finish(name, datatype, model);
    if (data !== undefined) return { name, datatype, shape, data };
    // A tensor without elements may come without data.
    if (elementCount(shape) === 0) return { name, datatype, shape, data: new Uint8Array(0) };
    throw badRequest(
      `unable to find data for input tensor ${quote(name)} for model ${quote(model)} in request.`,
      raw.length > 0 ? 'raw_input_contents' : `inputs[${index}].contents`,
    );
  });
}

function toDatatype(input: WireInput, index: number): Datatype {
  if (isDatatype(input.datatype)) return input.datatype;
  throw badRequest(
    `inference input ${quote(input.name)} data-type is ${quote(input.datatype)}, which is none of ${Object.keys(DATATYPE_BYTES).join(', ')}`,
    `inputs[${index}].datatype`,
  );
}

function badRequest(message: string, field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
