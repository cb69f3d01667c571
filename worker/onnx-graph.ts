import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GatewayError } from '../gateway/core/error.js';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
} from './gen/onnx/onnx_subset_pb.js';
import { stripZipMap, type ZipMapLabels } from './zip-map.js';

/**
 * Reads and rewrites ONNX files as protobuf, without the runtime: pure functions over bytes. What the subset of the
 * format does not declare is kept as it is, and weights stay views on the file's bytes.
 */

/** Datatypes by ONNX's numbers: Open Inference Protocol names where it has one, else ONNX's own. */
const ONNX_DATATYPES: Readonly<Record<number, string>> = {
  1: 'FP32',
  2: 'UINT8',
  3: 'INT8',
  4: 'UINT16',
  5: 'INT16',
  6: 'INT32',
  7: 'INT64',
  8: 'BYTES',
  9: 'BOOL',
  10: 'FP16',
  11: 'FP64',
  12: 'UINT32',
  13: 'UINT64',
  14: 'COMPLEX64',
  15: 'COMPLEX128',
  16: 'BF16',
  17: 'FLOAT8E4M3FN',
  18: 'FLOAT8E4M3FNUZ',
  19: 'FLOAT8E5M2',
  20: 'FLOAT8E5M2FNUZ',
  21: 'UINT4',
  22: 'INT4',
  23: 'FLOAT4E2M1',
};

/** First bytes of what people put in place of a model, and what to tell them. */
const LOOKALIKES: readonly (readonly [readonly number[], string])[] = [
  [[0x1f, 0x8b], 'it is gzip-compressed: unpack it first'],
  [[0x50, 0x4b, 0x03, 0x04], 'it is a zip archive (PyTorch and Keras save these): export the model to ONNX'],
  [[0x89, 0x48, 0x44, 0x46], 'it is an HDF5 file: export the model to ONNX'],
  [[0x80, 0x04, 0x95], 'it is a Python pickle: export the model to ONNX'],
  [[0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x20], 'it is a Git LFS pointer: run `git lfs pull`'],
  [[0x3c], 'it looks like HTML or XML: a download that went wrong?'],
];

/** Protobuf counts sizes in 31 bits. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/**
 * Parses a model file. Throws FAILED_PRECONDITION with what is wrong when it is none: empty, truncated, something else.
 * The result holds views on `bytes`.
 */
export function parseModel(bytes: Uint8Array): ModelProto {
  if (bytes.length === 0) throw refuse('the file is empty');
  for (const [magic, hint] of LOOKALIKES)
    if (magic.every((byte, i) => bytes[i] === byte)) throw refuse(`the file is not an ONNX model: ${hint}`);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw refuse(
      `the file (${bytes.length} bytes) is not an ONNX model or is truncated: ${error instanceof Error ? error.message : 'unreadable'}`,
      error,
    );
  }
  if (model.graph === undefined)
    throw refuse('the file is not an ONNX model or is truncated: it holds no graph');
  if (model.opsetImport.length === 0)
    throw refuse('the file is not an ONNX model or is truncated: it names no operator set');
  return model;
}

/** What `removeZipMaps` did. */
export interface ZipMapRemoval {
  /** Whether the model was changed and so has to be written anew. */
  readonly changed: boolean;
  /** Class labels by output name. */
  readonly labels: ZipMapLabels;
}

/**
 * Replaces each `ZipMap` of `ai.onnx.ml` in the model by the tensor that it was given, under the output's own name.
 * scikit-learn exports end in one by default: a sequence of maps, which the runtime's Node binding cannot return.
 */
export function removeZipMaps(model: ModelProto): ZipMapRemoval {
  const labels = new Map<string, readonly string[]>();
  const graph = model.graph as GraphProto;
  let changed = false;
  for (const node of graph.node) {
    if (node.opType !== 'ZipMap' || node.domain !== 'ai.onnx.ml') continue;
    stripZipMap(graph, node, labels);
    changed = true;
  }
  // The Identity that takes a ZipMap's place is of the default operator set, which a purely classical model may not import.
  if (changed && !model.opsetImport.some((set) => set.domain === '' || set.domain === 'ai.onnx'))
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: '', version: 13n }));
  return { changed, labels };
}

/** The file's bytes anew, everything that is not declared in the subset included. */
export function encodeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** What the file says of an input or output. */
export interface DeclaredValue {
  readonly name: string;
  /** Undefined where it is not a tensor or not declared at all. */
  readonly datatype: string | undefined;
  /** Whether at least the number of dimensions is known. */
  readonly ranked: boolean;
}

/** Inputs that a caller must give (weights that are listed as inputs left out) and outputs, as the file declares them. */
export function declaredValues(model: ModelProto): { inputs: DeclaredValue[]; outputs: DeclaredValue[] } {
  const graph = model.graph as GraphProto;
  const weights = new Set(graph.initializer.map((bytes) => fromBinary(TensorProtoSchema, bytes).name));
  return {
    inputs: graph.input.filter((input) => !weights.has(input.name)).map(declared),
    outputs: graph.output.map(declared),
  };
}

function declared(value: ValueInfoProto): DeclaredValue {
  const tensor = value.type?.tensorType;
  return {
    name: value.name,
    datatype:
      tensor === undefined
        ? undefined
        : (ONNX_DATATYPES[tensor.elemType] ?? `ONNX datatype ${tensor.elemType}`),
    ranked: tensor?.shape !== undefined,
  };
}

/** Operator sets that the model uses, as `ai.onnx 17`: for messages about an operator that the runtime does not know. */
export function operatorSets(model: ModelProto): string[] {
  return model.opsetImport.map((set) => `${set.domain === '' ? 'ai.onnx' : set.domain} ${set.version}`);
}

/**
 * Files beside the model that hold weights, as relative paths in the model's own spelling. Throws FAILED_PRECONDITION for
 * a path that leaves the model's directory.
 */
export function externalFiles(model: ModelProto): string[] {
  const files = new Set<string>();
  for (const bytes of encodedTensors(model.graph as GraphProto)) {
    const tensor = fromBinary(TensorProtoSchema, bytes);
    if (tensor.dataLocation !== 1) continue;
    const location = tensor.externalData.find((entry) => entry.key === 'location')?.value ?? '';
    if (location === '' || /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|\0/.test(location))
      throw refuse('its external data lies outside of its own directory');
    files.add(location);
  }
  return [...files];
}

/** Weights and constants, those of subgraphs included, each an encoded TensorProto. */
function* encodedTensors(graph: GraphProto): Generator<Uint8Array> {
  yield* graph.initializer;
  for (const node of graph.node) yield* nodeTensors(node);
}

function* nodeTensors(node: NodeProto): Generator<Uint8Array> {
  for (const attribute of node.attribute) {
    if (attribute.t.length > 0) yield attribute.t;
    if (attribute.g !== undefined) yield* encodedTensors(attribute.g);
    for (const graph of attribute.graphs) yield* encodedTensors(graph);
  }
}

function refuse(message: string, cause?: unknown): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error', cause });
}
