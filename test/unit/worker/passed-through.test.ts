import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import type { TensorSpec } from '../../../gateway/core/model.js';
import { ModelProtoSchema } from '../../../worker/gen/onnx/onnx_subset_pb.js';
import { parseModel } from '../../../worker/onnx-graph.js';
import { markOpaque, markPassed, passedThrough } from '../../../worker/passed-through.js';
import { type GraphSpec, type NodeSpec, onnxModel, type ValueSpec } from '../../support/onnx-model.js';

const value = (name: string): ValueSpec => ({ name, type: 'BYTES', shape: ['N'] });
const identity = (from: string, to: string): NodeSpec => ({ op: 'Identity', inputs: [from], outputs: [to] });
const concat = (from: string[], to: string): NodeSpec => ({ op: 'Concat', inputs: from, outputs: [to] });

/** A node with a subgraph that has these nodes and gives `result`. */
function around(
  inner: readonly NodeSpec[],
  result: string,
  outputs: string[],
  inputs: string[] = [],
): NodeSpec {
  const graph: GraphSpec = {
    inputs: inputs.map(value),
    outputs: [value(result)],
    nodes: inner,
  };
  return { op: 'If', inputs: ['flag'], outputs, attributes: [{ name: 'then_branch', graph }] };
}

function found(nodes: readonly NodeSpec[], inputs: string[], outputs: string[]) {
  const bytes = onnxModel({ inputs: inputs.map(value), outputs: outputs.map(value), nodes });
  const { outputs: passed, opaque } = passedThrough(parseModel(bytes));
  return { passed: Object.fromEntries(passed), opaque: [...opaque] };
}

test('an output behind one Identity, behind many, and one that is the input itself', () => {
  assert.deepEqual(found([identity('X', 'Y')], ['X'], ['Y']), { passed: { Y: 'X' }, opaque: ['X'] });
  assert.deepEqual(found([], ['X'], ['X']), { passed: { X: 'X' }, opaque: ['X'] });
  const chain = [identity('b', 'Y'), identity('X', 'a'), identity('a', 'b'), identity('a', 'unread')];
  assert.deepEqual(found(chain, ['X'], ['Y', 'a']), { passed: { Y: 'X', a: 'X' }, opaque: ['X'] });
});

test('a long chain costs a step for each node, not for each pair', () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `v${i}`);
  const nodes = names.slice(1).map((name, i) => identity(`v${i}`, name));
  const answer = found(nodes, ['v0'], names.slice(1));
  assert.equal(Object.keys(answer.passed).length, 19_999);
  assert.deepEqual(answer.opaque, ['v0']);
});

test('an input that is used elsewhere, also behind an Identity, is passed through and looked into', () => {
  const beside = [identity('X', 'Y'), concat(['X'], 'Z')];
  assert.deepEqual(found(beside, ['X'], ['Y', 'Z']), { passed: { Y: 'X' }, opaque: [] });
  const behind = [identity('X', 'Y'), concat(['Y'], 'Z')];
  assert.deepEqual(found(behind, ['X'], ['Y', 'Z']), { passed: { Y: 'X' }, opaque: [] });
  const other = [identity('X', 'Y'), concat(['W'], 'Z')];
  assert.deepEqual(found(other, ['X', 'W'], ['Y', 'Z']), { passed: { Y: 'X' }, opaque: ['X'] });
});

test('an input that nothing reads is opaque', () => {
  assert.deepEqual(found([identity('X', 'Y')], ['X', 'W'], ['Y']).opaque, ['X', 'W']);
});

test('what is no Identity of ONNX is an operation like any other', () => {
  const nodes: NodeSpec[] = [
    { op: 'Identity', domain: 'com.example', inputs: ['X'], outputs: ['Y'] },
    { op: 'Identity', inputs: ['X'], outputs: ['Y'], attributes: [{ name: 'a', int: 1 }] },
    { op: 'Identity', inputs: ['X', 'X'], outputs: ['Y'] },
    { op: 'Identity', inputs: ['X'], outputs: ['Y', 'more'] },
    { op: 'Dropout', inputs: ['X'], outputs: ['Y'] },
  ];
  for (const node of nodes) assert.deepEqual(found([node], ['X'], ['Y']), { passed: {}, opaque: [] });
  const onnx: NodeSpec = { op: 'Identity', domain: 'ai.onnx', inputs: ['X'], outputs: ['Y'] };
  assert.deepEqual(found([onnx], ['X'], ['Y']), { passed: { Y: 'X' }, opaque: ['X'] });
});

test('subgraphs see the graph around them: by a node, by an output, behind an Identity, from any depth', () => {
  const out = identity('X', 'Y');
  const captures: NodeSpec[][] = [
    [out, around([concat(['X'], 'r')], 'r', ['Z'])],
    [out, around([identity('X', 'r')], 'r', ['Z'])],
    [out, around([], 'X', ['Z'])],
    [out, around([concat(['Y'], 'r')], 'r', ['Z'])],
    [out, around([around([concat(['X'], 'q')], 'q', ['r'])], 'r', ['Z'])],
  ];
  for (const nodes of captures)
    assert.deepEqual(found(nodes, ['X', 'flag'], ['Y', 'Z']), { passed: { Y: 'X' }, opaque: [] });
  const aside = around([concat(['W'], 'r')], 'r', ['Z']);
  assert.deepEqual(found([out, aside], ['X', 'W', 'flag'], ['Y', 'Z']).opaque, ['X']);
});

test('names of a subgraph: an Identity in it hands nothing on, a shadow of the input counts as a reader', () => {
  // Y is the node's own output; a value of that name inside is another one.
  const inside = around([identity('X', 'Y')], 'Y', ['Y']);
  assert.deepEqual(found([inside], ['X', 'flag'], ['Y']), { passed: {}, opaque: [] });
  const shadow = around([concat(['X'], 'r')], 'r', ['Z'], ['X']);
  assert.deepEqual(found([identity('X', 'Y'), shadow], ['X', 'flag'], ['Y', 'Z']).opaque, []);
});

test('a weight is no input, even where it is listed as one', () => {
  const model = parseModel(
    onnxModel({
      inputs: [value('X'), { name: 'w', type: 'FP32', shape: [1] }],
      outputs: [value('Y'), { name: 'Z', type: 'FP32', shape: [1] }],
      weights: [{ name: 'w', type: 'FP32', shape: [1], values: [1] }],
      nodes: [identity('X', 'Y'), identity('w', 'Z')],
    }),
  );
  const { outputs, opaque } = passedThrough(model);
  assert.deepEqual([[...outputs], [...opaque]], [[['Y', 'X']], ['X']]);
});

test('nodes in a circle end, and functions of the model’s own leave everything in doubt', () => {
  assert.deepEqual(found([identity('a', 'b'), identity('b', 'a')], ['X'], ['a']).passed, {});
  const bytes = onnxModel({ inputs: [value('X')], outputs: [value('Y')], nodes: [identity('X', 'Y')] });
  // Field 25, length-delimited, empty.
  const model = parseModel(
    Buffer.concat([toBinary(ModelProtoSchema, parseModel(bytes)), Uint8Array.of(0xca, 1, 0)]),
  );
  const { outputs, opaque } = passedThrough(model);
  assert.deepEqual([outputs.size, opaque.size], [0, 0]);
});

test('only BYTES are marked: the runtime alters nothing else', () => {
  const marks = {
    outputs: new Map([
      ['Y', 'X'],
      ['V', 'U'],
    ]),
    opaque: new Set(['X', 'U']),
  };
  const of = (name: string, datatype: TensorSpec['datatype']): TensorSpec => ({
    name,
    datatype,
    shape: [-1],
  });
  const inputs = [of('X', 'BYTES'), of('U', 'FP32'), of('W', 'BYTES')];
  assert.deepEqual(markOpaque(inputs, marks), [{ ...of('X', 'BYTES'), opaque: true }, ...inputs.slice(1)]);
  const outputs = [of('Y', 'BYTES'), of('V', 'FP32'), of('Z', 'BYTES')];
  assert.deepEqual(markPassed(outputs, inputs, marks), [
    { ...of('Y', 'BYTES'), passedFrom: 'X' },
    ...outputs.slice(1),
  ]);
  assert.deepEqual(markPassed(outputs, inputs.slice(1), marks), outputs, 'an input that is not the caller’s');
});
