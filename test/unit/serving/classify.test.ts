/** The classification extension: what Triton's server makes of an output (its classification.cc), by tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Datatype } from '../../../gateway/core/datatype.js';
import type { InferCall } from '../../../gateway/core/infer-call.js';
import type { TensorSpec } from '../../../gateway/core/model.js';
import type { Tensor } from '../../../gateway/core/tensor.js';
import { classify } from '../../../gateway/serving/classify.js';
import { topIndices } from '../../../gateway/serving/top-classes.js';
import { bytesData, call, countedLease, manifest, result, spec } from './make-call.js';

interface Case {
  readonly output: Tensor;
  readonly count: number;
  readonly batchable?: boolean;
  readonly labels?: readonly string[];
}

const tensorOf = (datatype: Datatype, shape: readonly number[], array: { buffer: ArrayBuffer }): Tensor => ({
  name: 'Y',
  datatype,
  shape,
  data: new Uint8Array(array.buffer),
});

async function classified({ output, count, batchable = true, labels }: Case): Promise<Tensor> {
  const other = tensorOf('FP32', [1, 1], Float32Array.of(7));
  const specs: TensorSpec[] = [
    { ...spec('Y', output.datatype, output.shape), ...(labels && { labels }) },
    spec('Z', 'FP32', [-1, 1]),
  ];
  const lease = countedLease(manifest({ outputs: specs, batchable }));
  const request: InferCall = call({ classifications: new Map([['Y', count]]) });
  const release = () => {};
  const layer = classify(async () => result({ outputs: [output, { ...other, name: 'Z' }], release }));
  const answer = await layer(request, lease);
  assert.deepEqual(answer.outputs[1], { ...other, name: 'Z' }, 'what is not to be classified stays');
  assert.equal(answer.release, release);
  return answer.outputs[0] as Tensor;
}

test('each row gives its largest elements, as value:index:label', async () => {
  const fp32 = (shape: number[], ...values: number[]) => tensorOf('FP32', shape, Float32Array.from(values));
  const unaligned = new Uint8Array(9);
  unaligned.set(new Uint8Array(Float32Array.of(0.25, 0.75).buffer), 1);
  const rows: [string, Case, number[], string[]][] = [
    ['two of three', { output: fp32([1, 3], 0.1, 0.7, 0.2), count: 2 }, [1, 2], ['0.700000:1', '0.200000:2']],
    [
      'rows by themselves',
      { output: fp32([2, 2], 1, 2, 4, 3), count: 1 },
      [2, 1],
      ['2.000000:1', '4.000000:0'],
    ],
    ['more than there are', { output: fp32([1, 2], 1, 2), count: 9 }, [1, 2], ['2.000000:1', '1.000000:0']],
    [
      'labels',
      { output: fp32([1, 2], 1, 2), count: 2, labels: ['cat', 'dog'] },
      [1, 2],
      ['2.000000:1:dog', '1.000000:0:cat'],
    ],
    [
      'too few labels, and an empty one',
      { output: fp32([1, 3], 3, 2, 1), count: 3, labels: ['', 'b'] },
      [1, 3],
      ['3.000000:0', '2.000000:1:b', '1.000000:2'],
    ],
    [
      'a label of several bytes a character',
      { output: fp32([1, 1], 1), count: 1, labels: ['é☃'] },
      [1, 1],
      ['1.000000:0:é☃'],
    ],
    [
      'equal values in their order',
      { output: fp32([1, 3], 1, 1, 1), count: 2 },
      [1, 2],
      ['1.000000:0', '1.000000:1'],
    ],
    [
      'not a number last',
      { output: fp32([1, 3], Number.NaN, -1, 5), count: 3 },
      [1, 3],
      ['5.000000:2', '-1.000000:1', 'nan:0'],
    ],
    [
      'not batched',
      { output: fp32([2, 2], 1, 2, 4, 3), count: 3, batchable: false },
      [3],
      ['4.000000:2', '3.000000:3', '2.000000:1'],
    ],
    ['a scalar', { output: fp32([], 5), count: 2, batchable: false }, [1], ['5.000000:0']],
    [
      'one element a row',
      { output: tensorOf('INT64', [2], BigInt64Array.of(-3n, 9007199254740993n)), count: 1 },
      [2, 1],
      ['-3:0', '9007199254740993:0'],
    ],
    ['more dimensions', { output: fp32([1, 2, 2], 1, 2, 4, 3), count: 1 }, [1, 1], ['4.000000:2']],
    [
      'small integers',
      { output: tensorOf('UINT8', [1, 2], Uint8Array.of(7, 200)), count: 1 },
      [1, 1],
      ['200:1'],
    ],
    [
      'doubles',
      { output: tensorOf('FP64', [1, 2], Float64Array.of(0.5, 0.25)), count: 1 },
      [1, 1],
      ['0.500000:0'],
    ],
    [
      'bytes that are not aligned',
      { output: { name: 'Y', datatype: 'FP32', shape: [1, 2], data: unaligned.subarray(1) }, count: 1 },
      [1, 1],
      ['0.750000:1'],
    ],
    ['no elements', { output: fp32([2, 0]), count: 1 }, [2, 0], []],
  ];
  for (const [what, each, shape, texts] of rows) {
    const { datatype, shape: actual, data } = await classified(each);
    assert.deepEqual([datatype, actual], ['BYTES', shape], what);
    assert.deepEqual(Buffer.from(data), Buffer.from(bytesData(...texts)), what);
  }
});

test('without a classification the answer is the next layer’s own', async () => {
  const promise = Promise.resolve(result());
  assert.equal(classify(() => promise)(call(), countedLease()), promise);
});

test('what is no number is refused before it runs, in Triton’s words', async () => {
  let ran = false;
  const layer = classify(async () => {
    ran = true;
    return result();
  });
  for (const datatype of ['BYTES', 'BOOL', 'FP16', 'BF16'] as const) {
    const lease = countedLease(manifest({ outputs: [spec('Y', datatype, [-1, 2])] }));
    await assert.rejects(layer(call({ classifications: new Map([['Y', 1]]) }), lease), {
      code: 'INVALID_ARGUMENT',
      message: `[request id: r1] class result not available for output 'Y' due to unsupported type '${datatype}'`,
    });
  }
  assert.equal(ran, false);
});

test('an output of over a million elements is refused, not looked through', async () => {
  const output: Tensor = { name: 'Y', datatype: 'FP32', shape: [2, 500_001], data: new Uint8Array(0) };
  await assert.rejects(classified({ output, count: 1 }), {
    code: 'INVALID_ARGUMENT',
    message: /classification output tensor too large: output 'Y' has shape \[2,500001\]/,
  });
});

test('the largest are found as a sort finds them', () => {
  const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(Number.NaN));
  fc.assert(
    fc.property(
      fc.array(number, { maxLength: 40 }),
      fc.nat(10),
      fc.integer({ min: 1, max: 50 }),
      (values, from, count) => {
        const start = Math.min(from, values.length);
        const key = (i: number) => (Number.isNaN(values[start + i]) ? -99 : (values[start + i] as number));
        const sorted = values
          .slice(start)
          .map((_, i) => i)
          .sort((a, b) => key(b) - key(a) || a - b);
        assert.deepEqual(topIndices(values, start, values.length, count), sorted.slice(0, count));
      },
    ),
  );
});
