import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signature, TensorSpec } from '../../../../gateway/core/model.js';
import {
  signatureDifference,
  signatureDigest,
} from '../../../../gateway/repository/labels/signature-difference.js';

const spec = (name: string, changes: Partial<TensorSpec> = {}): TensorSpec => ({
  ...{ name, datatype: 'FP32', shape: [-1, 4] },
  ...changes,
});
const of = (inputs: TensorSpec[], outputs: TensorSpec[]): Signature => ({
  ...{ inputs, outputs, batchable: true, maxBatchSize: 8 },
});

const BASE = of([spec('a'), spec('b')], [spec('y', { labels: ['no', 'yes'] })]);

test('what clients depend on makes a difference, in words and in the digest', () => {
  const y = spec('y', { labels: ['no', 'yes'] });
  const cases: [Signature, string][] = [
    [of([spec('a')], [y]), "input 'b' (FP32 [-1, 4]) is gone"],
    [of([spec('a'), spec('b'), spec('c')], [y]), "input 'c' (FP32 [-1, 4]) is new"],
    [of([spec('a', { datatype: 'FP64' }), spec('b')], [y]), "input 'a': FP32 [-1, 4] -> FP64 [-1, 4]"],
    [of([spec('a'), spec('b', { shape: [-1, 5] })], [y]), "input 'b': FP32 [-1, 4] -> FP32 [-1, 5]"],
    [of([spec('a'), spec('b')], [spec('y', { labels: ['yes', 'no'] })]), "output 'y': class 0 'no' -> 'yes'"],
    [of([spec('a'), spec('b')], [spec('y', { labels: ['no'] })]), "output 'y': 2 classes -> 1"],
    [of([spec('a'), spec('b')], [spec('y')]), "output 'y': 2 classes -> 0"],
  ];
  for (const [other, told] of cases) {
    assert.equal(signatureDifference(BASE, other), told);
    assert.notEqual(signatureDigest(BASE), signatureDigest(other), told);
  }
});

test('order, the largest batch and a copy make none', () => {
  const same = { ...of([spec('b'), spec('a')], [spec('y', { labels: ['no', 'yes'] })]), maxBatchSize: 99 };
  assert.equal(signatureDifference(BASE, same), '');
  assert.equal(signatureDigest(BASE), signatureDigest(same));
});

test('the text is bounded, however many tensors and however long their names', () => {
  const many = of(
    Array.from({ length: 1000 }, (_, i) => spec(`${'x'.repeat(500)}${i}`)),
    [],
  );
  const text = signatureDifference(BASE, many);
  assert.ok(text.length <= 601, `${text.length}`);
});
