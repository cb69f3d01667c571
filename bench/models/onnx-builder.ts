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

/** Makes ONNX models in code: `onnxModel({ inputs: […], outputs: […], nodes: […] })` is a file's bytes. */

/** ONNX's numbers of its datatypes, by their Open Inference Protocol names. */
const ONNX_TYPE = {
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
  readonly values?: readonly number[] | Float32Array;
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
  /** What is noted beside the graph: metadata_props. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The bytes of a model file. */
export function onnxModel(spec: ModelSpec): Uint8Array<ArrayBuffer> {
  const opsets = { '': spec.opset ?? 17, ...spec.domains };
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'sluice',
    graph: graphOf(spec),
    opsetImport: Object.entries(opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    metadataProps: Object.entries(spec.metadata ?? {}).map(([key, value]) => ({ key, value })),
  });
  return toBinary(ModelProtoSchema, model);
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
    const array =
      weight.type === 'FP32'
        ? values instanceof Float32Array
          ? values
          : Float32Array.from(values)
        : BigInt64Array.from(values as readonly number[], BigInt);
    tensor.rawData = new Uint8Array(array.buffer);
  }
  return toBinary(TensorProtoSchema, tensor);
}
