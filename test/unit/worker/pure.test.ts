import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firstDifference, stackAnswers } from '../../../worker/batch-check.js';
import { decodeStrings, encodeStrings } from '../../../worker/bytes-tensor.js';
import { Phase, STATUS_BLOCK_BYTES, StatusWord, type WireTensor } from '../../../worker/protocol.js';
import {
  concreteShape,
  MAX_SAMPLE_BYTES,
  sampleInputs,
  seededRandom,
} from '../../../worker/sample-inputs.js';
import { autofill } from '../../../worker/signature.js';
import { StatusBlock } from '../../../worker/status-block.js';

const fp32 = (shape: number[], values: number[]): WireTensor => ({
  name: 'Y',
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

test('BYTES: strings survive both ways, whatever they hold', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (strings) => {
      const clean = strings.map((text) => text.toWellFormed().replaceAll('\0', '0'));
      assert.deepEqual(decodeStrings('X', encodeStrings(clean), clean.length), clean);
    }),
  );
});

test('BYTES: no bytes at all break the decoder, and a huge count allocates nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(20), (data, count) => {
      try {
        assert.equal(decodeStrings('X', data, count).length, count);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'INVALID_ARGUMENT');
      }
    }),
  );
  assert.throws(() => decodeStrings('X', new Uint8Array(8), 2 ** 40), /fewer than/);
});

test('firstDifference: bits, NaN, zeros of both signs and rounding agree; shapes, labels and more do not', () => {
  const rows: readonly [string, WireTensor, WireTensor, RegExp | undefined][] = [
    ['equal', fp32([2], [1, 2]), fp32([2], [1, 2]), undefined],
    ['rounding', fp32([1], [1000]), fp32([1], [1000.005]), undefined],
    ['near zero', fp32([1], [0]), fp32([1], [9e-7]), undefined],
    [
      'more than rounding',
      fp32([2], [1, 1]),
      fp32([2], [1, 1.001]),
      /is 1\.00\d+ in a batch and 1 alone \(element 1\)/,
    ],
    ['NaN twice', fp32([1], [Number.NaN]), fp32([1], [Number.NaN]), undefined],
    ['NaN once', fp32([1], [1]), fp32([1], [Number.NaN]), /NaN/],
    ['minus zero', fp32([1], [0]), fp32([1], [-0]), undefined],
    ['infinity', fp32([1], [1]), fp32([1], [Number.POSITIVE_INFINITY]), /Infinity/],
    ['shape', fp32([2], [1, 2]), fp32([1, 2], [1, 2]), /shape \[1,2\] in a batch where \[2\] is wanted/],
    [
      'integers are exact',
      { name: 'L', datatype: 'INT32', shape: [1], data: Uint8Array.of(1, 0, 0, 0) },
      { name: 'L', datatype: 'INT32', shape: [1], data: Uint8Array.of(2, 0, 0, 0) },
      /output 'L' differs/,
    ],
  ];
  for (const [sentence, alone, batch, expected] of rows) {
    const difference = firstDifference([alone], [batch]);
    if (expected === undefined) assert.equal(difference, undefined, sentence);
    else assert.match(difference ?? '', expected, sentence);
  }
  assert.match(firstDifference([fp32([1], [1])], []) ?? '', /missing/);
});

test('stackAnswers puts rows one after the other, output by output', () => {
  const [stacked] = stackAnswers([[fp32([1, 2], [1, 2])], [fp32([2, 2], [3, 4, 5, 6])]]);
  assert.deepEqual(stacked, fp32([3, 2], [1, 2, 3, 4, 5, 6]));
});

test('sampleInputs: the same seed makes the same bytes, of the right size, for every served datatype', () => {
  const specs = ['FP32', 'FP64', 'INT32', 'INT64', 'BOOL', 'BYTES'].map((datatype) => ({
    name: datatype,
    datatype,
    shape: [-1, 3, -1],
  }));
  const make = () => sampleInputs(specs, { rows: 2, other: 4 }, seededRandom(7));
  assert.deepEqual(make(), make());
  assert.deepEqual(
    make()?.map(({ shape, data }) => [shape.join(), data.length]),
    [96, 192, 96, 192, 24, 120].map((bytes) => ['2,3,4', bytes]),
  );
  assert.deepEqual(concreteShape([5, -1], { rows: 2, other: 4 }), [5, 4]);
  const huge = { name: 'X', datatype: 'FP32', shape: [1, MAX_SAMPLE_BYTES] };
  assert.equal(
    sampleInputs([huge], { rows: 1, other: 1 }, () => 0),
    undefined,
  );
  assert.equal(
    sampleInputs([{ ...huge, datatype: 'BF16', shape: [1] }], { rows: 1, other: 1 }, () => 0),
    undefined,
  );
});

test('autofill: batchable iff the first dimension is variable on every input and output', () => {
  const spec = (...shape: number[]) => ({ name: 'T', datatype: 'FP32' as const, shape });
  const rows: readonly [string, number[][], number[][], number | undefined, number | RegExp][] = [
    ['variable everywhere', [[-1, 4]], [[-1]], undefined, 99],
    ['a fixed output', [[-1, 4]], [[1, 4]], undefined, 0],
    ['a fixed input', [[-1, 4], [4]], [[-1]], undefined, 0],
    ['a scalar output', [[-1]], [[]], undefined, 0],
    ['no input at all', [], [[-1]], undefined, 0],
    ['a wanted size', [[-1]], [[-1]], 8, 8],
    ['turned off', [[-1]], [[-1]], 0, 0],
    ['wanted of a fixed one', [[2]], [[-1]], 8, /first dimension of 'T' is not variable: its shape is \[2\]/],
    ['wanted of one without inputs', [], [[-1]], 8, /it has no inputs/],
  ];
  for (const [sentence, inputs, outputs, maxBatchSize, expected] of rows) {
    const fill = () =>
      autofill(
        inputs.map((shape) => spec(...shape)),
        outputs.map((shape) => spec(...shape)),
        { defaultMaxBatchSize: 99, ...(maxBatchSize === undefined ? {} : { maxBatchSize }) },
      );
    if (typeof expected !== 'number') assert.throws(fill, expected, sentence);
    else {
      assert.equal(fill().maxBatchSize, expected, sentence);
      assert.equal(fill().batchable, expected > 0, sentence);
    }
  }
});

test('the status block: a claim is given once, and never after a fence', () => {
  const bytes = new SharedArrayBuffer(STATUS_BLOCK_BYTES);
  const words = new Int32Array(bytes);
  const block = new StatusBlock(bytes);
  assert.ok(block.claim(5));
  assert.deepEqual([words[StatusWord.phase], words[StatusWord.runId]], [Phase.running, 5]);
  assert.ok(!block.claim(6), 'already running');
  block.release();
  assert.ok(block.claim(7));
  block.release();
  Atomics.store(words, StatusWord.phase, Phase.fenced);
  assert.ok(!block.claim(8));
  assert.equal(words[StatusWord.phase], Phase.fenced);
});
