import { GatewayError, quote } from '../gateway/core/error.js';
import type { GraphProto, ModelProto, NodeProto } from './gen/onnx/onnx_subset_pb.js';

/** Operators of the default set that repeat a subgraph, as often as a tensor says. */
const ENDLESS: ReadonlySet<string> = new Set(['Loop', 'Scan']);

/**
 * Throws FAILED_PRECONDITION naming the operator where the model has one that may never end: in its graph, in a branch of
 * an `If`, in whatever other subgraph, or in a function of its own. Nothing but the end of its thread's process ends such a run.
 */
export function refuseEndless(model: ModelProto): void {
  const nodes = [...(model.graph as GraphProto).node, ...model.functions.flatMap(({ node }) => node)];
  const endless = firstEndless(nodes);
  if (endless === undefined) return;
  const { opType, name } = endless;
  const where = name === '' ? '' : ` (node ${quote(name)})`;
  throw new GatewayError(
    'FAILED_PRECONDITION',
    `it has the operator ${opType}${where}, which may never end: allow it with allowLoops, for this model (models.<name>.allowLoops) or for all`,
    { reason: 'model_error' },
  );
}

/** Not by recursion: how deep graphs are nested is for the file to say. */
function firstEndless(nodes: readonly NodeProto[]): NodeProto | undefined {
  const left = [...nodes];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (ENDLESS.has(node.opType) && (node.domain === '' || node.domain === 'ai.onnx')) return node;
    for (const { g, graphs } of node.attribute)
      for (const graph of g === undefined ? graphs : [g, ...graphs])
        for (const inner of graph.node) left.push(inner);
  }
  return undefined;
}
