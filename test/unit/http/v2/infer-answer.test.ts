import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferResult } from '../../../../gateway/core/infer-call.js';
import { inferAnswer } from '../../../../gateway/http/v2/infer-answer.js';

const STYLE = { nonFinite: 'null', int64Strings: false } as const;
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

const RESULT: InferResult = {
  model: 'm"1',
  version: 3,
  id: '',
  outputs: [
    { name: 'p', datatype: 'FP32', shape: [1, 2], data: floats(0.1, Number.NaN) },
    { name: 'label', datatype: 'INT64', shape: [1], data: new Uint8Array(BigInt64Array.of(-5n).buffer) },
  ],
  timing: { queueMs: 0, computeMs: 0, batchRows: 1 } as InferResult['timing'],
};

test('outputs as numbers, in the shortest form; what was not finite is told', () => {
  const { body, jsonBytes } = inferAnswer(RESULT, () => false, STYLE);
  assert.equal(jsonBytes, undefined);
  assert.equal(
    body,
    '{"model_name":"m\\"1","model_version":"3","outputs":[' +
      '{"name":"p","datatype":"FP32","shape":[1,2],"parameters":{"non_finite":1},"data":[0.1,null]},' +
      '{"name":"label","datatype":"INT64","shape":[1],"data":[-5]}]}',
  );
  const tokens = inferAnswer(RESULT, () => false, { ...STYLE, nonFinite: 'tokens' }).body;
  assert.match(String(tokens), /"shape":\[1,2\],"data":\[0\.1,NaN\]/);
});

test('outputs as bytes behind the JSON, in their order, and an id', () => {
  const { body, jsonBytes } = inferAnswer({ ...RESULT, id: 'i-1' }, (name) => name === 'label', STYLE);
  assert.ok(Buffer.isBuffer(body) && jsonBytes !== undefined);
  const json = JSON.parse(body.subarray(0, jsonBytes).toString());
  assert.equal(json.id, 'i-1');
  assert.deepEqual(json.outputs[1], {
    name: 'label',
    datatype: 'INT64',
    shape: [1],
    parameters: { binary_data_size: 8 },
  });
  assert.equal(body.length, jsonBytes + 8);
  assert.equal(body.readBigInt64LE(jsonBytes), -5n);
});

test('a string that is not UTF-8 can be had as bytes only', () => {
  const outputs = [
    { name: 's', datatype: 'BYTES' as const, shape: [1], data: Uint8Array.of(1, 0, 0, 0, 0xff) },
  ];
  assert.throws(
    () => inferAnswer({ ...RESULT, outputs }, () => false, STYLE),
    /output 's' has an element 0 that is not UTF-8/,
  );
  assert.ok(inferAnswer({ ...RESULT, outputs }, () => true, STYLE).jsonBytes);
});
