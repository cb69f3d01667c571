import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { refuseEndless } from '../../../worker/endless-operators.js';
import { FunctionProtoSchema } from '../../../worker/gen/onnx/onnx_subset_pb.js';
import { parseModel } from '../../../worker/onnx-graph.js';
import { addModel, endlessModel, type NodeSpec, onnxModel } from '../../support/onnx-model.js';

const inGraph = (node: NodeSpec) =>
  parseModel(onnxModel({ inputs: [], outputs: [{ name: 'Y', type: 'FP32', shape: [1] }], nodes: [node] }));

const branch = (node: NodeSpec) => ({
  inputs: [],
  outputs: [{ name: 'y', type: 'FP32', shape: [1] } as const],
  nodes: [node],
});

test('E81 Loop and Scan are refused by name, with the way to allow them', () => {
  assert.throws(
    () => refuseEndless(parseModel(endlessModel())),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'FAILED_PRECONDITION');
      assert.match(error.message, /^it has the operator Loop, which may never end: allow it with allowLoops/);
      return true;
    },
  );
  const scan = inGraph({ op: 'Scan', name: 'over time', domain: 'ai.onnx', outputs: ['Y'] });
  assert.throws(() => refuseEndless(scan), /operator Scan \(node 'over time'\)/);
});

test('one inside a branch of an If is found, however deep, and so is one in a function of the model', () => {
  let node: NodeSpec = { op: 'Loop', name: 'inner', outputs: ['y'] };
  for (let depth = 0; depth < 20; depth++)
    node = { op: 'If', outputs: ['y'], attributes: [{ name: 'else_branch', graph: branch(node) }] };
  assert.throws(() => refuseEndless(inGraph(node)), /operator Loop \(node 'inner'\)/);

  const model = parseModel(addModel(1));
  assert.doesNotThrow(() => refuseEndless(model));
  model.functions.push(create(FunctionProtoSchema, { node: inGraph(node).graph?.node ?? [] }));
  assert.throws(() => refuseEndless(model), /operator Loop/);
});

test('an operator of that name in another domain is not ours to judge', () => {
  assert.doesNotThrow(() => refuseEndless(inGraph({ op: 'Loop', domain: 'com.example', outputs: ['Y'] })));
});
