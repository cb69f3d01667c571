/** Golden answers: what a line may say, when an answer is what is wanted, and how lines are asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import type { Signature } from '../../../gateway/core/model.js';
import { answerOf, firstMiss } from '../../../worker/golden-compare.js';
import { decodeElements, encodeElements } from '../../../worker/golden-elements.js';
import { passGoldenGate } from '../../../worker/golden-gate.js';
import { parseGolden } from '../../../worker/golden-line.js';
import { readTensor } from '../../../worker/golden-tensor.js';
import type { WireTensor } from '../../../worker/protocol.js';

const SIGNATURE: Signature = {
  inputs: [
    { name: 'X', datatype: 'FP32', shape: [-1, 2] },
    { name: 'S', datatype: 'BYTES', shape: [-1, 1] },
  ],
  outputs: [
    { name: 'Y', datatype: 'FP32', shape: [-1, 2] },
    { name: 'L', datatype: 'INT64', shape: [-1] },
  ],
  batchable: true,
  maxBatchSize: 4,
};

const parse = (text: string) => [...parseGolden(text, SIGNATURE)];

const INPUTS = '"inputs": {"X": [[1, "NaN"]], "S": [["é"]]}';

test('a line has inputs by name, outputs by name and what it tolerates; a first line has what all tolerate', () => {
  const text = `{"tolerance": {"absolute": 0.5}, "note": "from training"}\r
{${INPUTS}, "outputs": {"L": ["9007199254740993"]}}

{${INPUTS}, "outputs": {"Y": {"shape": [1, 2], "data": [null, "-Infinity"]}}, "tolerance": {"relative": 0}, "note": "row 7"}
`;
  const [first, second, ...more] = parse(text);
  assert.deepEqual(more, []);
  assert.deepEqual([first?.line, second?.line, second?.note], [2, 4, 'row 7']);
  assert.deepEqual(first?.tolerance, { absolute: 0.5 });
  assert.deepEqual(second?.tolerance, { absolute: 0.5, relative: 0 });
  assert.deepEqual(first?.outputs[0]?.elements, [9007199254740993n]);
  assert.deepEqual(second?.outputs[0]?.elements, [null, Number.NEGATIVE_INFINITY]);
  const [x, s] = first?.inputs ?? [];
  assert.ok(x && s);
  assert.deepEqual([...new Float32Array(x.data.buffer)], [1, Number.NaN]);
  assert.deepEqual([x.shape, s.shape, decodeElements(s)], [[1, 2], [1, 1], ['é']]);
});

test('what a line may not say is refused with its number, the key and what is wanted', () => {
  const outputs = '"outputs": {"L": [1]}';
  const refused: readonly (readonly [string, RegExp])[] = [
    ['nonsense', /^golden\.jsonl line 1: it is not JSON: 'nonsense'$/],
    ['[1]', /line 1: it is not an object/],
    [`{"input": {}, ${outputs}}`, /line 1: unknown key 'input', wanted inputs, outputs, tolerance, note$/],
    [`{"tolerance": {}}\n{"tolerance": {}}`, /line 2: its inputs are not given/],
    [`{"tolerances": {}}`, /line 1: unknown key 'tolerances', wanted tolerance, note$/],
    [`{"inputs": {"X": [[1, 2]]}, ${outputs}}`, /line 1: it has no input 'S'$/],
    [`{"inputs": {"Z": 1}, ${outputs}}`, /unknown key 'Z' in inputs, the model has 'X', 'S'$/],
    [`{"inputs": {"__proto__": 1}, ${outputs}}`, /unknown key '__proto__' in inputs/],
    [`{${INPUTS}, "outputs": {}}`, /it wants no output/],
    [`{${INPUTS}, "outputs": {"Q": 1}}`, /unknown key 'Q' in outputs, the model has 'Y', 'L'$/],
    [`{${INPUTS}}`, /its outputs are not given/],
    [`{${INPUTS}, ${outputs}, "tolerance": {"abs": 1}}`, /unknown key 'abs' in tolerance/],
    [
      `{${INPUTS}, ${outputs}, "tolerance": {"absolute": 1e999}}`,
      /absolute Infinity, wanted a number from 0/,
    ],
    [`{${INPUTS}, ${outputs}, "tolerance": {"relative": -1}}`, /relative -1, wanted a number from 0/],
    [`{${INPUTS}, ${outputs}, "note": 1}`, /its note is not text/],
    [`{"inputs": {"X": [1, 2], "S": [["a"]]}, ${outputs}}`, /input 'X' has shape \[2\], wanted \[-1,2\]/],
    [
      `{"inputs": {"X": [[1, 2], [3]], "S": [["a"]]}, ${outputs}}`,
      /input 'X' has a list of 1 where the first/,
    ],
    [
      `{"inputs": {"X": [[1, null]], "S": [["a"]]}, ${outputs}}`,
      /input 'X', element \[0, 1\], is null: wanted a number, "NaN"/,
    ],
    [
      `{"inputs": {"X": [[1, 1e39]], "S": [["a"]]}, ${outputs}}`,
      /element \[0, 1\], is 1e\+39: wanted a number of/,
    ],
    [`{"inputs": {"X": [[1, 2]], "S": [["\\ud800"]]}, ${outputs}}`, /wanted text \(BYTES\)/],
    [`{${INPUTS}, "outputs": {"L": [1.5]}}`, /output 'L', element \[0\], is 1\.5: wanted an integer/],
    [
      `{${INPUTS}, "outputs": {"L": ["9223372036854775808"]}}`,
      /wanted an integer from -9223372036854775808 to/,
    ],
    [
      `{${INPUTS}, "outputs": {"L": {"shape": [2], "data": [1]}}}`,
      /has 1 elements in data, its shape \[2\] wants 2/,
    ],
    [
      `{${INPUTS}, "outputs": {"L": {"shape": [1e9, 1e9], "data": []}}}`,
      /its shape \[1000000000,1000000000\] wants/,
    ],
    [`{${INPUTS}, "outputs": {"L": {"form": [1]}}}`, /unknown key 'form'/],
    [`{${INPUTS}, "outputs": {"L": ${'['.repeat(40)}1${']'.repeat(40)}}}`, /lists nested deeper than 16/],
  ];
  for (const [text, message] of refused)
    assert.throws(
      () => parse(text),
      (error) =>
        error instanceof GatewayError &&
        error.code === 'FAILED_PRECONDITION' &&
        message.test(error.message) &&
        error.message.startsWith('golden.jsonl line '),
      text,
    );
});

test('every datatype goes into bytes and back', () => {
  const values: readonly (readonly [string, readonly (number | bigint | string | boolean)[]])[] = [
    ['FP16', [0, -0.5, 65_504, 2 ** -24, 2 ** -14, 0.333251953125, Number.NaN, Number.POSITIVE_INFINITY]],
    ['FP32', [0.5, Number.NaN]],
    ['FP64', [0.1, Number.NEGATIVE_INFINITY]],
    ['INT8', [-128, 127]],
    ['UINT16', [65_535]],
    ['INT64', [-(2n ** 63n), 2n ** 63n - 1n]],
    ['UINT64', [2n ** 64n - 1n]],
    ['BOOL', [true, false]],
    ['BYTES', ['', 'é']],
  ];
  for (const [datatype, elements] of values) {
    const data = encodeElements(datatype, elements);
    assert.deepEqual(
      decodeElements({ name: 'n', datatype, shape: [elements.length], data }),
      elements,
      datatype,
    );
  }
});

function miss(
  datatype: string,
  wanted: unknown,
  got: readonly (number | bigint | string | boolean)[],
  tolerance = {},
) {
  const tensor = { name: 'Y', datatype, shape: [got.length], data: encodeElements(datatype, got) };
  return firstMiss(readTensor(wanted, { role: 'output', name: 'Y', datatype }), answerOf(tensor), tolerance);
}

test('floats may differ by rounding, all else by nothing; NaN is NaN and an infinity itself', () => {
  const same: readonly ReturnType<typeof miss>[] = [
    miss('FP32', [0.1, 'NaN', '-Infinity', -0], [0.1, Number.NaN, Number.NEGATIVE_INFINITY, 0]),
    miss('FP64', [1000], [1000.01]),
    miss('FP64', [1], [1.4], { absolute: 0.5 }),
    miss('FP16', [1], [1.005]),
    miss('INT64', ['9007199254740993'], [9007199254740993n]),
    miss('BYTES', ['a', null], ['a', 'whatever']),
    miss('BOOL', [true], [true]),
  ];
  assert.deepEqual(
    same.filter((text) => text !== undefined),
    [],
  );
  assert.match(miss('FP64', [[1, 2]], [1, 2]) as string, /^output 'Y': got shape \[2\], wanted \[1,2\]$/);
  assert.match(
    miss('FP64', [5, 1], [5, 1.00002]) as string,
    /^output 'Y', element \[1\]: got 1\.00002, wanted 1 \(tolerance 0\.000001 \+ 0\.00001 times what is wanted\)$/,
  );
  const differ: readonly ReturnType<typeof miss>[] = [
    miss('FP64', ['Infinity'], [5]),
    miss('FP64', ['Infinity'], [Number.NEGATIVE_INFINITY]),
    miss('FP64', [5], [Number.POSITIVE_INFINITY]),
    miss('FP64', [5], [Number.NaN], { absolute: 1e300 }),
    miss('FP64', ['NaN'], [0], { absolute: 1e300 }),
    miss('FP64', [0], [1e-5]),
    miss('FP64', [1], [1.0001], { absolute: 0 }),
    miss('INT32', [1_000_000], [1_000_001], { absolute: 10 }),
    miss('INT64', ['9007199254740993'], [9007199254740992n]),
    miss('BYTES', ['a'], ['A']),
    miss('BOOL', [true], [false]),
  ];
  assert.deepEqual(
    differ.filter((text) => text === undefined),
    [],
  );
});

/** A model that gives X back as Y and the first feature as L. */
function echo(batches = true) {
  const runs: number[] = [];
  const run = async (inputs: readonly WireTensor[]) => {
    const x = inputs.find(({ name }) => name === 'X') as WireTensor;
    const rows = x.shape[0] as number;
    runs.push(rows);
    if (!batches && rows > 1) throw new Error('no batches');
    const first = [...new Float32Array(x.data.slice().buffer)].filter((_, i) => i % 2 === 0);
    const outputs = [
      { ...x, name: 'Y' },
      {
        name: 'L',
        datatype: 'INT64',
        shape: [rows],
        data: encodeElements(
          'INT64',
          first.map((v) => BigInt(v)),
        ),
      },
    ];
    return { outputs, startedAt: 0, endedAt: 0 };
  };
  return { runs, run };
}

const row = (x: readonly number[], y: readonly number[] = x, label = x[0]): string =>
  `{"inputs": {"S": [["s"]], "X": [[${x}]]}, "outputs": {"Y": [[${y}]], "L": [${label}]}}\n`;

test('lines are asked in batches of at most the largest, in whatever order they name their inputs', async () => {
  const model = echo();
  const other = '{"inputs": {"X": [[8, 9]], "S": [["t"]]}, "outputs": {"L": [8]}}\n';
  await passGoldenGate(model, SIGNATURE, row([1, 2]) + row([3, 4]) + other + row([5, 6]) + row([7, 8]));
  assert.deepEqual(model.runs, [4, 1]);
  const one = echo(false);
  await passGoldenGate(one, SIGNATURE, row([1, 2]) + row([3, 4]));
  assert.deepEqual(one.runs, [2, 1, 1], 'a model that takes no batch is asked one by one');
  const unbatched = echo();
  await passGoldenGate(
    unbatched,
    { ...SIGNATURE, batchable: false, maxBatchSize: 0 },
    row([1, 2]) + row([3, 4]),
  );
  assert.deepEqual(unbatched.runs, [1, 1]);
});

test('a miss in a batch is told of its own line; what cannot be asked is refused', async () => {
  const text = row([1, 2]) + row([3, 4], [3, 5]) + row([5, 6], [5, 6], 4) + row([7, 8]);
  await assert.rejects(passGoldenGate(echo(), SIGNATURE, text), {
    message:
      "golden.jsonl: 2 of 4 lines missed, first line 2, output 'Y', element [0, 1]: got 4, wanted 5 (tolerance 0.000001 + 0.00001 times what is wanted)",
  });
  await assert.rejects(passGoldenGate(echo(), SIGNATURE, '\n\n'), /golden\.jsonl: it has no rows/);
  const wide = `{"inputs": {"X": [[1,2],[1,2],[1,2],[1,2],[1,2]], "S": [["a"],["a"],["a"],["a"],["a"]]}, "outputs": {"L": [1,1,1,1,1]}}`;
  await assert.rejects(
    passGoldenGate(echo(), SIGNATURE, wide),
    /line 1 has 5 rows, the model takes at most 4/,
  );
});
