import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type NodeProto,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './gen/onnx/onnx_subset_pb.js';

/** Class labels by the name of the output that they belong to. */
export type ZipMapLabels = ReadonlyMap<string, readonly string[]>;

const ONNX_FLOAT = 1;

/**
 * Turns a `ZipMap` node of the main graph into an `Identity` and its output's type into the tensor's, and notes the
 * class labels. An Identity, not a renaming: the scores may be read by other nodes and subgraphs as well, or be an
 * output themselves, and the runtime's optimiser removes it again where it can.
 */
export function stripZipMap(
  graph: GraphProto,
  node: NodeProto,
  labels: Map<string, readonly string[]>,
): void {
  const scores = node.input[0] ?? '';
  const output = node.output[0] ?? '';
  const classes = classLabels(node);
  node.opType = 'Identity';
  node.domain = '';
  node.attribute = [];
  const index = graph.output.findIndex((value) => value.name === output);
  if (index === -1) return;
  labels.set(output, classes);
  const known = [...graph.valueInfo, ...graph.output].find((value) => value.name === scores);
  graph.output[index] = create(ValueInfoProtoSchema, {
    name: output,
    type: known?.type ?? scoresType(classes.length),
  });
  // A type noted for the inner tensor of that name would be the sequence of maps.
  graph.valueInfo = graph.valueInfo.filter((value: ValueInfoProto) => value.name !== output);
}

/** The operator's specification: input `[rows, classes]` (or `[classes]`) of float, in the order of the labels. */
function scoresType(classes: number) {
  return create(TypeProtoSchema, {
    tensorType: {
      elemType: ONNX_FLOAT,
      shape: { dim: [{}, classes > 0 ? { dimValue: BigInt(classes) } : {}] },
    },
  });
}

function classLabels(node: NodeProto): string[] {
  for (const attribute of node.attribute) {
    if (attribute.name === 'classlabels_strings')
      return attribute.strings.map((bytes) => new TextDecoder().decode(bytes));
    if (attribute.name === 'classlabels_int64s') return attribute.ints.map(String);
  }
  return [];
}
