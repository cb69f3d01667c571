import type { TensorSpec } from '../gateway/core/model.js';
import type { GraphProto, ModelProto, NodeProto } from './gen/onnx/onnx_subset_pb.js';
import { declaredValues } from './onnx-graph.js';

/**
 * Which strings a model only hands on. The runtime's Node binding cuts a string at a NUL and mangles what is not UTF-8, so that
 * such strings are refused; but where an output is nothing but an input, its bytes need not pass through the runtime at all.
 */
export interface PassedThrough {
  /** Outputs that are an input's value, be it through Identity nodes, and the name of that input. */
  readonly outputs: ReadonlyMap<string, string>;
  /** Inputs that nothing in the model looks into: they are handed on like that, or not read at all. */
  readonly opaque: ReadonlySet<string>;
}

/** What a model hands on, found in its graph alone; pure. In doubt, an input is looked into. */
export function passedThrough(model: ModelProto): PassedThrough {
  const outputs = new Map<string, string>();
  // A function of the model's own may be called Identity.
  if (model.functions.length > 0) return { outputs, opaque: new Set() };
  const graph = model.graph as GraphProto;
  const inputs = declaredValues(model).inputs.map(({ name }) => name);
  const origin = originsOf(graph, inputs);
  for (const { name } of graph.output) {
    const input = origin(name);
    if (input !== undefined) outputs.set(name, input);
  }
  const lookedInto = new Set([...namesReadBy(graph)].map(origin));
  return { outputs, opaque: new Set(inputs.filter((name) => !lookedInto.has(name))) };
}

/** Tells from which input a value of the main graph comes unchanged; undefined for any other. */
function originsOf(graph: GraphProto, inputs: readonly string[]): (name: string) => string | undefined {
  const handedOn = new Map<string, string>();
  for (const node of graph.node)
    if (isIdentity(node)) handedOn.set(node.output[0] as string, node.input[0] as string);
  const known = new Map<string, string | undefined>(inputs.map((name) => [name, name]));
  return (name) => {
    const chain: string[] = [];
    let at: string | undefined = name;
    while (at !== undefined && !known.has(at)) {
      chain.push(at);
      // Also what ends a circle, which the runtime would refuse.
      known.set(at, undefined);
      at = handedOn.get(at);
    }
    const found = at === undefined ? undefined : known.get(at);
    for (const each of chain) known.set(each, found);
    return found;
  };
}

/** Names that something other than an Identity of the main graph reads. */
function* namesReadBy(graph: GraphProto): Generator<string> {
  for (const node of graph.node) {
    if (!isIdentity(node)) yield* node.input;
    yield* namesInSubgraphs(node);
  }
}

/**
 * Every name that a node's subgraphs read or give: each may be one of the graph around them. Where a subgraph has a value of its
 * own by that name, this sees a reader too many, and a string is refused that could have been taken.
 */
function* namesInSubgraphs(node: NodeProto): Generator<string> {
  for (const { g, graphs } of node.attribute)
    for (const graph of g === undefined ? graphs : [g, ...graphs]) {
      for (const { name } of graph.output) yield name;
      for (const inner of graph.node) {
        yield* inner.input;
        yield* namesInSubgraphs(inner);
      }
    }
}

function isIdentity({ opType, domain, input, output, attribute }: NodeProto): boolean {
  return (
    opType === 'Identity' &&
    (domain === '' || domain === 'ai.onnx') &&
    input.length === 1 &&
    output.length === 1 &&
    attribute.length === 0
  );
}

/** The inputs with those marked that are BYTES and that nothing looks into. */
export function markOpaque(inputs: readonly TensorSpec[], { opaque }: PassedThrough): TensorSpec[] {
  return inputs.map((input) =>
    input.datatype === 'BYTES' && opaque.has(input.name) ? { ...input, opaque: true } : input,
  );
}

/** The outputs with those marked that are BYTES and one of the inputs. Other datatypes come back from the runtime as they are. */
export function markPassed(
  outputs: readonly TensorSpec[],
  inputs: readonly TensorSpec[],
  found: PassedThrough,
): TensorSpec[] {
  return outputs.map((output) => {
    const input = inputs.find(({ name }) => name === found.outputs.get(output.name));
    if (input === undefined || input.datatype !== 'BYTES' || output.datatype !== 'BYTES') return output;
    return { ...output, passedFrom: input.name };
  });
}
