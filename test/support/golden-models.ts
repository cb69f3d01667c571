/** Boosted trees whose every answer is known from outside of the runtime, and what can go wrong in an export of them. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  ModelProtoSchema,
} from '../../worker/gen/onnx/onnx_subset_pb.js';
import { onnxModel } from './onnx-model.js';

/** A branch: below or at the threshold the first leaf, else the second; where the value is missing as `missing` says. */
interface Stump {
  readonly feature: number;
  readonly threshold: number;
  readonly leaves: readonly [number, number];
  readonly missing: 'below' | 'above';
}

const BASE = 0.5;
const STUMPS: readonly Stump[] = [
  { feature: 0, threshold: 0.3, leaves: [-0.25, 0.125], missing: 'below' },
  { feature: 1, threshold: 40, leaves: [0.75, -0.5], missing: 'above' },
  { feature: 2, threshold: 2.7, leaves: [0.0625, 1.5], missing: 'below' },
];

/** What the trees answered where they were trained: three features, NaN where one is missing. */
export function trainingScore(row: readonly number[]): number {
  return STUMPS.reduce((sum, { feature, threshold, leaves, missing }) => {
    const value = row[feature] as number;
    const below = Number.isNaN(value) ? missing === 'below' : value <= threshold;
    return sum + leaves[below ? 0 : 1];
  }, BASE);
}

/** The same trees as an ONNX file: input `X` FP32 [N, 3], output `score` FP32 [N, 1]. */
export function boostedModel(): Uint8Array<ArrayBuffer> {
  const nodes = STUMPS.flatMap((stump, tree) => [
    { ...stump, tree, id: 0, mode: 'BRANCH_LEQ', yes: 1, no: 2 },
    ...[1, 2].map((id) => ({ ...stump, threshold: 0, tree, id, mode: 'LEAF', yes: 0, no: 0 })),
  ]);
  return onnxModel({
    domains: { 'ai.onnx.ml': 3 },
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 3] }],
    outputs: [{ name: 'score', type: 'FP32', shape: ['N', 1] }],
    nodes: [
      {
        op: 'TreeEnsembleRegressor',
        domain: 'ai.onnx.ml',
        inputs: ['X'],
        outputs: ['score'],
        attributes: [
          { name: 'n_targets', int: 1 },
          { name: 'base_values', floats: [BASE] },
          { name: 'nodes_treeids', ints: nodes.map(({ tree }) => tree) },
          { name: 'nodes_nodeids', ints: nodes.map(({ id }) => id) },
          { name: 'nodes_featureids', ints: nodes.map(({ feature }) => feature) },
          { name: 'nodes_values', floats: nodes.map(({ threshold }) => threshold) },
          { name: 'nodes_modes', strings: nodes.map(({ mode }) => mode) },
          { name: 'nodes_truenodeids', ints: nodes.map(({ yes }) => yes) },
          { name: 'nodes_falsenodeids', ints: nodes.map(({ no }) => no) },
          {
            name: 'nodes_missing_value_tracks_true',
            ints: nodes.map(({ mode, missing }) => (mode !== 'LEAF' && missing === 'below' ? 1 : 0)),
          },
          { name: 'target_treeids', ints: STUMPS.flatMap((_, tree) => [tree, tree]) },
          { name: 'target_nodeids', ints: STUMPS.flatMap(() => [1, 2]) },
          { name: 'target_ids', ints: STUMPS.flatMap(() => [0, 0]) },
          { name: 'target_weights', floats: STUMPS.flatMap(({ leaves }) => leaves) },
        ],
      },
    ],
  });
}

/** The bytes of a model whose tree ensemble's attribute was changed; one that it lacks is made. */
export function alterTrees(
  bytes: Uint8Array,
  name: string,
  change: (attribute: AttributeProto) => void,
): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const trees = model.graph?.node.find(({ opType }) => opType.startsWith('TreeEnsemble'));
  if (trees === undefined) throw new Error('no trees in it');
  let attribute = trees.attribute.find((each) => each.name === name);
  if (attribute === undefined) {
    attribute = create(AttributeProtoSchema, { name });
    trees.attribute.push(attribute);
  }
  change(attribute);
  return toBinary(ModelProtoSchema, model);
}

/** The next float of four bytes towards minus infinity: what a conversion that rounds the other way makes of a threshold. */
export function floatBelow(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setInt32(0, view.getInt32(0) + (value > 0 ? -1 : 1));
  return view.getFloat32(0);
}
