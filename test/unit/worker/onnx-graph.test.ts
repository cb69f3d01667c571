import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from '../../../worker/gen/onnx/onnx_subset_pb.js';
import {
  declaredValues,
  encodeModel,
  externalFiles,
  operatorSets,
  parseModel,
  removeZipMaps,
} from '../../../worker/onnx-graph.js';
import { addModel, type ModelSpec, onnxModel, zipMapModel } from '../../support/onnx-model.js';

const ZIP_MAP: ModelSpec = {
  domains: { 'ai.onnx.ml': 1 },
  inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
  outputs: [{ name: 'P' }],
  nodes: [
    {
      op: 'ZipMap',
      domain: 'ai.onnx.ml',
      inputs: ['X'],
      outputs: ['P'],
      attributes: [{ name: 'classlabels_int64s', ints: [7, -1] }],
    },
  ],
};

test('a model without ZipMap is left as it is', () => {
  const bytes = addModel(1);
  const model = parseModel(bytes);
  assert.deepEqual(removeZipMaps(model), { changed: false, labels: new Map() });
  assert.deepEqual(encodeModel(model), bytes);
});

test('ZipMap: the node becomes an Identity, the output a tensor of the same name, the classes its labels', () => {
  const model = parseModel(zipMapModel(['a', 'b']));
  const { changed, labels } = removeZipMaps(model);
  assert.ok(changed);
  assert.deepEqual([...labels], [['probabilities', ['a', 'b']]]);
  const again = parseModel(encodeModel(model));
  const node = again.graph?.node.at(-1);
  assert.deepEqual(
    [node?.opType, node?.domain, node?.input, node?.output, node?.attribute.length],
    ['Identity', '', ['scores'], ['probabilities'], 0],
  );
  assert.deepEqual(declaredValues(again).outputs, [
    { name: 'label', datatype: 'BYTES', ranked: true },
    { name: 'probabilities', datatype: 'FP32', ranked: true },
  ]);
});

test('ZipMap: integer classes, and a default operator set where the model imports none', () => {
  const model = parseModel(onnxModel(ZIP_MAP));
  model.opsetImport = model.opsetImport.filter((set) => set.domain !== '');
  const { labels } = removeZipMaps(model);
  assert.deepEqual(labels.get('P'), ['7', '-1']);
  assert.deepEqual(operatorSets(model), ['ai.onnx.ml 1', 'ai.onnx 13']);
});

test('ZipMap: a ZipMap of another domain is not ours to touch', () => {
  const node = { ...ZIP_MAP.nodes[0], op: 'ZipMap', outputs: ['P'], domain: 'com.example' };
  const model = parseModel(onnxModel({ ...ZIP_MAP, nodes: [node] }));
  assert.equal(removeZipMaps(model).changed, false);
});

test('fields that the subset does not know survive the rewriting, and weights are views on the file', () => {
  const model = parseModel(zipMapModel());
  // producer_version (3) and metadata_props (14): known to ONNX, not to the subset.
  const unknown = Uint8Array.of(0x1a, 0x03, 0x31, 0x2e, 0x32, 0x72, 0x04, 0x0a, 0x02, 0x6b, 0x31);
  const bytes = Buffer.concat([toBinary(ModelProtoSchema, model), unknown]);
  const parsed = parseModel(bytes);
  removeZipMaps(parsed);
  assert.notEqual(Buffer.from(encodeModel(parsed)).indexOf(Buffer.from(unknown.subarray(0, 5))), -1);
  assert.notEqual(Buffer.from(encodeModel(parsed)).indexOf(Buffer.from(unknown.subarray(5))), -1);
  const file = addModel(1);
  assert.equal(parseModel(file).graph?.initializer[0]?.buffer, file.buffer);
});

test('weights that are listed as inputs are not inputs of a caller', () => {
  const model: ModelProto = fromBinary(ModelProtoSchema, addModel(1));
  model.graph?.input.push({ $typeName: 'onnx.ValueInfoProto', name: 'amount' });
  assert.deepEqual(
    declaredValues(model).inputs.map((input) => input.name),
    ['X'],
  );
});

test('external data: every file is named once, a path out of the directory is refused', () => {
  const model = (...locations: string[]) =>
    parseModel(
      onnxModel({
        inputs: [{ name: 'X', type: 'FP32', shape: ['N'] }],
        outputs: [{ name: 'X', type: 'FP32', shape: ['N'] }],
        nodes: [],
        weights: locations.map((location, i) => ({
          name: `w${i}`,
          type: 'FP32',
          shape: [1],
          external: { location },
        })),
      }),
    );
  assert.deepEqual(externalFiles(model('a.data', 'sub/b.data', 'a.data')), ['a.data', 'sub/b.data']);
  assert.deepEqual(externalFiles(parseModel(addModel(1))), []);
  for (const bad of ['../x', '/etc/passwd', 'a/../../x', 'a\\..\\x', 'C:\\x', '', 'a\0b', '..'])
    assert.throws(() => externalFiles(model('ok', bad)), /outside of its own directory/, bad);
});

test('external data inside a subgraph and a constant node is found', () => {
  const external = { type: 'FP32', shape: [1], external: { location: 'deep.data' } } as const;
  const model = parseModel(
    onnxModel({
      inputs: [],
      outputs: [],
      nodes: [
        {
          op: 'If',
          outputs: ['y'],
          attributes: [
            {
              name: 'then_branch',
              graph: {
                inputs: [],
                outputs: [],
                nodes: [
                  { op: 'Constant', outputs: ['c'], attributes: [{ name: 'value', tensor: external }] },
                ],
              },
            },
          ],
        },
      ],
    }),
  );
  assert.deepEqual(externalFiles(model), ['deep.data']);
});
