import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from '../../worker/gen/onnx/onnx_subset_pb.js';

/** Makes small ONNX models in test code: `onnxModel({ inputs: […], outputs: […], nodes: […] })` is a file's bytes. */

/** ONNX's numbers of its datatypes, by their Open Inference Protocol names. */
export const ONNX_TYPE = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
} as const;

export type OnnxType = keyof typeof ONNX_TYPE;

/**
 * An input or output. A string dimension is variable; `shape` undefined leaves even the rank open, and `type`
 * undefined leaves an output to the runtime to infer (a sequence of maps, say).
 */
export interface ValueSpec {
  readonly name: string;
  readonly type?: OnnxType;
  readonly shape?: readonly (number | string)[];
}

/** An attribute of a node; the kind is told by the field. */
export type AttributeSpec =
  | { readonly name: string; readonly int: number }
  | { readonly name: string; readonly float: number }
  | { readonly name: string; readonly string: string }
  | { readonly name: string; readonly ints: readonly number[] }
  | { readonly name: string; readonly floats: readonly number[] }
  | { readonly name: string; readonly strings: readonly string[] }
  | { readonly name: string; readonly graph: GraphSpec }
  | { readonly name: string; readonly tensor: WeightSpec };

export interface NodeSpec {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  readonly name?: string;
  readonly attributes?: readonly AttributeSpec[];
}

/** A constant: `values` FP32 or INT64 numbers, or, with `external`, nothing but the place of its data. */
export interface WeightSpec {
  readonly name?: string;
  readonly type: 'FP32' | 'INT64';
  readonly shape: readonly number[];
  readonly values?: readonly number[];
  readonly external?: { readonly location: string; readonly offset?: number; readonly length?: number };
}

export interface GraphSpec {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly weights?: readonly WeightSpec[];
}

export interface ModelSpec extends GraphSpec {
  /** @default 17 */
  readonly opset?: number;
  /** Further operator sets, e.g. `{ 'ai.onnx.ml': 3 }`. */
  readonly domains?: Readonly<Record<string, number>>;
}

/** The bytes of a model file. */
export function onnxModel(spec: ModelSpec): Uint8Array<ArrayBuffer> {
  const opsets = { '': spec.opset ?? 17, ...spec.domains };
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'sluice-test',
    graph: graphOf(spec),
    opsetImport: Object.entries(opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
  });
  return toBinary(ModelProtoSchema, model);
}

/** `Y = X` for any datatype: the echo model. The shape's batch dimension comes first; @default ['N', 4] */
export function identityModel(type: OnnxType = 'FP32', shape: readonly (number | string)[] = ['N', 4]) {
  return onnxModel({
    inputs: [{ name: 'X', type, shape }],
    outputs: [{ name: 'Y', type, shape }],
    nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['Y'] }],
  });
}

/** `Y = X + amount` on FP32 `[N, width]`: two versions of a model that can be told apart by their answers. */
export function addModel(amount: number, width = 4) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', width] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', width] }],
    weights: [{ name: 'amount', type: 'FP32', shape: [1], values: [amount] }],
    nodes: [{ op: 'Add', inputs: ['X', 'amount'], outputs: ['Y'] }],
  });
}

/** FP32 `[N, width]` times a square weight, `layers` times over: a model that takes a while. */
export function matMulModel(width: number, layers = 1) {
  const values = Array.from({ length: width * width }, (_, i) => ((i % 7) - 3) / width);
  const names = Array.from({ length: layers + 1 }, (_, i) => (i === 0 ? 'X' : i === layers ? 'Y' : `h${i}`));
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', width] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', width] }],
    weights: [{ name: 'W', type: 'FP32', shape: [width, width], values }],
    nodes: Array.from({ length: layers }, (_, i) => ({
      op: 'MatMul',
      inputs: [names[i] as string, 'W'],
      outputs: [names[i + 1] as string],
    })),
  });
}

/** `Y = X - mean of the batch`: batching changes its answers. */
export function batchDependentModel(width = 4) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', width] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', width] }],
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['X'],
        outputs: ['mean'],
        attributes: [
          { name: 'axes', ints: [0] },
          { name: 'keepdims', int: 1 },
        ],
      },
      { op: 'Sub', inputs: ['X', 'mean'], outputs: ['Y'] },
    ],
  });
}

/** `Y = table[I]` with INT64 indices `[N, 1]`: an index outside the table fails the run. */
export function gatherModel(entries = 8) {
  return onnxModel({
    inputs: [{ name: 'I', type: 'INT64', shape: ['N', 1] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 1] }],
    weights: [
      {
        name: 'table',
        type: 'FP32',
        shape: [entries],
        values: Array.from({ length: entries }, (_, i) => i * 10),
      },
    ],
    nodes: [{ op: 'Gather', inputs: ['table', 'I'], outputs: ['Y'] }],
  });
}

/** A linear classifier of three classes as scikit-learn exports one: `label` and, through a ZipMap, `probabilities`. */
export function zipMapModel(
  labels: readonly string[] | readonly number[] = ['setosa', 'versicolor', 'virginica'],
) {
  const strings = labels.every((label) => typeof label === 'string');
  const classes: AttributeSpec = strings
    ? { name: 'classlabels_strings', strings: labels }
    : { name: 'classlabels_ints', ints: labels as readonly number[] };
  const zipped: AttributeSpec = strings
    ? classes
    : { name: 'classlabels_int64s', ints: labels as readonly number[] };
  return onnxModel({
    domains: { 'ai.onnx.ml': 1 },
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'label', type: strings ? 'BYTES' : 'INT64', shape: ['N'] }, { name: 'probabilities' }],
    nodes: [
      {
        op: 'LinearClassifier',
        domain: 'ai.onnx.ml',
        inputs: ['X'],
        outputs: ['label', 'scores'],
        attributes: [
          { name: 'coefficients', floats: labels.flatMap((_, c) => [c - 1, 1 - c, c, 0.5]) },
          { name: 'intercepts', floats: labels.map((_, c) => c / 10) },
          { name: 'post_transform', string: 'SOFTMAX' },
          classes,
        ],
      },
      {
        op: 'ZipMap',
        domain: 'ai.onnx.ml',
        inputs: ['scores'],
        outputs: ['probabilities'],
        attributes: [zipped],
      },
    ],
  });
}

function graphOf(spec: GraphSpec): GraphProto {
  return create(GraphProtoSchema, {
    name: 'graph',
    input: spec.inputs.map(valueInfoOf),
    output: spec.outputs.map(valueInfoOf),
    initializer: (spec.weights ?? []).map(tensorOf),
    node: spec.nodes.map((node) =>
      create(NodeProtoSchema, {
        opType: node.op,
        input: [...(node.inputs ?? [])],
        output: [...node.outputs],
        ...(node.domain === undefined ? {} : { domain: node.domain }),
        ...(node.name === undefined ? {} : { name: node.name }),
        attribute: (node.attributes ?? []).map(attributeOf),
      }),
    ),
  });
}

function valueInfoOf(value: ValueSpec) {
  if (value.type === undefined) return create(ValueInfoProtoSchema, { name: value.name });
  const type = create(TypeProtoSchema, {
    tensorType: {
      elemType: ONNX_TYPE[value.type],
      ...(value.shape === undefined
        ? {}
        : {
            shape: {
              dim: value.shape.map((dim) =>
                typeof dim === 'number' ? { dimValue: BigInt(dim) } : { dimParam: dim },
              ),
            },
          }),
    },
  });
  return create(ValueInfoProtoSchema, { name: value.name, type });
}

function attributeOf(attribute: AttributeSpec): AttributeProto {
  const { name } = attribute;
  if ('int' in attribute) return create(AttributeProtoSchema, { name, type: 2, i: BigInt(attribute.int) });
  if ('float' in attribute) return create(AttributeProtoSchema, { name, type: 1, f: attribute.float });
  if ('string' in attribute)
    return create(AttributeProtoSchema, { name, type: 3, s: Buffer.from(attribute.string) });
  if ('tensor' in attribute)
    return create(AttributeProtoSchema, { name, type: 4, t: tensorOf(attribute.tensor) });
  if ('graph' in attribute)
    return create(AttributeProtoSchema, { name, type: 5, g: graphOf(attribute.graph) });
  if ('floats' in attribute)
    return create(AttributeProtoSchema, { name, type: 6, floats: [...attribute.floats] });
  if ('ints' in attribute)
    return create(AttributeProtoSchema, { name, type: 7, ints: attribute.ints.map(BigInt) });
  return create(AttributeProtoSchema, {
    name,
    type: 8,
    strings: attribute.strings.map((text) => Buffer.from(text)),
  });
}

function tensorOf(weight: WeightSpec): Uint8Array<ArrayBuffer> {
  const tensor = create(TensorProtoSchema, {
    dims: weight.shape.map(BigInt),
    dataType: ONNX_TYPE[weight.type],
    ...(weight.name === undefined ? {} : { name: weight.name }),
  });
  if (weight.external !== undefined) {
    tensor.dataLocation = 1;
    for (const [key, value] of Object.entries(weight.external))
      tensor.externalData.push({ $typeName: 'onnx.StringStringEntryProto', key, value: String(value) });
  } else {
    const values = weight.values ?? [];
    const array = weight.type === 'FP32' ? Float32Array.from(values) : BigInt64Array.from(values.map(BigInt));
    tensor.rawData = new Uint8Array(array.buffer);
  }
  return toBinary(TensorProtoSchema, tensor);
}
