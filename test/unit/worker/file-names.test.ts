import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileNames, namesIn } from '../../../worker/file-names.js';
import { parseModel } from '../../../worker/onnx-graph.js';
import { type AttributeSpec, onnxModel } from '../../support/onnx-model.js';

const X = { name: 'X', type: 'FP32', shape: ['N', 2] } as const;

test('names are a JSON list or have commas between them; all else is passed over', () => {
  const table: readonly [text: string | undefined, names: string[] | undefined][] = [
    [undefined, undefined],
    ['["a", "b, c"]', ['a', 'b, c']],
    ['a, b', ['a', 'b']],
    ['a', ['a']],
    ['', undefined],
    ['a,,b', undefined],
    ['["a", 1]', undefined],
    ['["a"', undefined],
    ['{"a": 1}', undefined],
  ];
  for (const [text, names] of table) assert.deepEqual(namesIn(text), names, text);
});

test('metadata_props under their usual keys', () => {
  const names = (metadata: Record<string, string>) => {
    const spec = { inputs: [X], outputs: [{ ...X, name: 'Y' }], metadata };
    const { features, classes } = fileNames(
      parseModel(onnxModel({ ...spec, nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['Y'] }] })),
    );
    return { features, classes };
  };
  assert.deepEqual(names({}), { features: undefined, classes: undefined });
  assert.deepEqual(names({ feature_names: '["a","b"]', class_names: 'no,yes' }), {
    features: ['a', 'b'],
    classes: ['no', 'yes'],
  });
  assert.deepEqual(names({ feature_names_in_: 'a,b', other: 'x' }).features, ['a', 'b']);
});

test("a classifier's labels follow its scores as far as their order stays", () => {
  const scores = (attribute: AttributeSpec, ops: readonly string[]) => {
    const chain = ops.map((op, index) => ({
      op,
      domain: op === 'Normalizer' ? 'ai.onnx.ml' : '',
      inputs: [`s${index}`],
      outputs: [index === ops.length - 1 ? 'P' : `s${index + 1}`],
    }));
    const model = onnxModel({
      inputs: [X],
      outputs: [{ name: 'L' }, { name: 'P', type: 'FP32', shape: ['N', 2] }],
      domains: { 'ai.onnx.ml': 3 },
      nodes: [
        {
          op: 'LinearClassifier',
          domain: 'ai.onnx.ml',
          inputs: ['X'],
          outputs: ['L', ops.length === 0 ? 'P' : 's0'],
          attributes: [attribute],
        },
        ...chain,
      ],
    });
    return Object.fromEntries(fileNames(parseModel(model)).scores);
  };
  const ints = { name: 'classlabels_ints', ints: [7, 9] };
  const strings = { name: 'classlabels_strings', strings: ['no', 'yes'] };
  assert.deepEqual(scores(ints, []), { P: ['7', '9'] });
  assert.deepEqual(scores(strings, ['Normalizer', 'Cast', 'Identity']), { P: ['no', 'yes'] });
  assert.deepEqual(scores(strings, ['TopK']), {});
  assert.deepEqual(scores({ name: 'classlabels_ints', ints: [] }, []), {});
});
