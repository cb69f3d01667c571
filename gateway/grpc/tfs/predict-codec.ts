/**
 * Predict's request by hand (its response: predict-response.ts), as ModelInfer's is: it is as hot. The fields are those of
 * proto/tensorflow_serving/apis/predict.proto. Tensor bytes are views on the request.
 */
import { GatewayError } from '../../core/error.js';
import type { ModelSpec } from '../../core/tfs/model-spec.js';
import { WireReader } from '../wire-reader.js';
import { TensorProto } from './tensor-proto.js';

/** Most inputs, or outputs, that a request may name: an empty one takes two bytes on the wire, but an object here. */
const MAX_ITEMS = 4096;

/** What a PredictRequest says; its tensors are not looked into yet. */
export interface PredictRequest {
  /** Undefined where the request has none. */
  readonly spec: ModelSpec | undefined;
  readonly inputs: ReadonlyMap<string, TensorProto>;
  readonly outputs: readonly string[];
}

/** A ModelSpec while it is read: its pieces may come in several messages. */
export interface SpecParts {
  name: string;
  version: bigint | undefined;
  label: string;
  signature: string;
}

/** Reads a PredictRequest. Throws INTERNAL when the bytes are no such message, INVALID_ARGUMENT when it has too many items. */
export function decodePredictRequest(body: Uint8Array): PredictRequest {
  const reader = new WireReader(body);
  let spec: SpecParts | undefined;
  const inputs = new Map<string, TensorProto>();
  const outputs: string[] = [];
  while (reader.more) {
    const tag = reader.tag();
    const outer = reader.end;
    switch (tag) {
      case 0x0a:
        spec = readSpecFields(reader, spec);
        break;
      case 0x12:
        reader.enter();
        readInput(reader, inputs);
        reader.leave(outer);
        break;
      case 0x1a:
        if (outputs.length >= MAX_ITEMS) throw tooMany('output_filter');
        outputs.push(reader.string());
        break;
      default:
        reader.skipUnknown(tag, 3);
    }
  }
  return { spec, inputs, outputs };
}

/** A ModelSpec, of which only the length is still ahead, merged into what was read of it before. */
export function readSpecFields(reader: WireReader, before: SpecParts | undefined): SpecParts {
  const spec = before ?? { name: '', version: undefined, label: '', signature: '' };
  const outer = reader.enter();
  readSpec(reader, spec);
  reader.leave(outer);
  return spec;
}

/** A ModelSpec's fields. Of version and label, which are one choice, the last one counts; a version in pieces is merged. */
function readSpec(reader: WireReader, spec: SpecParts): void {
  while (reader.more) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        spec.name = reader.string();
        break;
      case 0x12:
        spec.version = readInt64Value(reader, spec.version ?? 0n);
        spec.label = '';
        break;
      case 0x1a:
        spec.signature = reader.string();
        break;
      case 0x22:
        spec.label = reader.string();
        spec.version = undefined;
        break;
      default:
        reader.skipUnknown(tag, 4);
    }
  }
}

function readInt64Value(reader: WireReader, before: bigint): bigint {
  const outer = reader.enter();
  let value = before;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x08) value = reader.int64();
    else reader.skipUnknown(tag, 1);
  }
  reader.leave(outer);
  return value;
}

/** One entry of a `map<string, TensorProto>`: a later one of the same name replaces the earlier one. */
function readInput(reader: WireReader, inputs: Map<string, TensorProto>): void {
  const tensor = new TensorProto();
  let name = '';
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x0a) name = reader.string();
    else if (tag === 0x12) {
      const outer = reader.enter();
      tensor.read(reader);
      reader.leave(outer);
    } else reader.skipUnknown(tag, 2);
  }
  if (inputs.size >= MAX_ITEMS && !inputs.has(name)) throw tooMany('inputs');
  inputs.set(name, tensor);
}

function tooMany(field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', `more than ${MAX_ITEMS} entries in ${field}`, {
    reason: 'bad_request',
    field,
  });
}
