import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError, type StatusCode } from '../../../../gateway/core/error.js';
import type { Signature } from '../../../../gateway/core/model.js';
import { readPredictRequest } from '../../../../gateway/http/v1/predict-request.js';

const spec = (name: string, datatype: 'FP32' | 'INT32' | 'BYTES', ...shape: number[]) => ({
  name,
  datatype,
  shape,
});
const ONE: Signature = { inputs: [spec('X', 'FP32', -1, 2)], outputs: [], batchable: true, maxBatchSize: 0 };
const TWO: Signature = {
  inputs: [spec('a', 'INT32', -1, 1), spec('s', 'BYTES', -1, 1)],
  outputs: [],
  batchable: true,
  maxBatchSize: 0,
};

/** What was read: by input, its shape and its bytes. */
function read(body: string | object, signature = ONE) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { form, rows, inputs } = readPredictRequest(Buffer.from(text), signature);
  return { form, rows, inputs: inputs.map(({ name, shape, data }) => [name, shape, [...data]]) };
}

const floats = (...values: number[]): number[] => [...new Uint8Array(Float32Array.from(values).buffer)];
const ints = (...values: number[]): number[] => [...new Uint8Array(Int32Array.from(values).buffer)];
const texts = (...values: string[]): number[] =>
  values.flatMap((text) => [text.length, 0, 0, 0, ...Buffer.from(text)]);

function refused(
  body: string | object,
  wanted: RegExp,
  signature = ONE,
  code: StatusCode = 'INVALID_ARGUMENT',
): void {
  assert.throws(
    () => read(body, signature),
    (error: GatewayError) => {
      assert.ok(error instanceof GatewayError, String(error));
      assert.match(error.message, wanted);
      return error.code === code;
    },
  );
}

test('rows: values for the only input, or objects by input', () => {
  assert.deepEqual(
    read({
      instances: [
        [1, 2],
        [3, 4],
      ],
    }),
    {
      form: 'row',
      rows: 2,
      inputs: [['X', [2, 2], floats(1, 2, 3, 4)]],
    },
  );
  assert.deepEqual(read({ signature_name: 'serving_default', instances: [{ X: [1, 2] }] }).inputs, [
    ['X', [1, 2], floats(1, 2)],
  ]);
  // A value of a row for an input of rows of one.
  assert.deepEqual(
    read(
      {
        instances: [
          { a: 1, s: 'x' },
          { s: 'yz', a: [2] },
        ].slice(0, 1),
      },
      TWO,
    ).inputs,
    [
      ['a', [1, 1], ints(1)],
      ['s', [1, 1], texts('x')],
    ],
  );
});

test('columns: a tensor for the only input, or tensors by input', () => {
  assert.deepEqual(read({ inputs: [[1, 2]] }), {
    form: 'column',
    rows: undefined,
    inputs: [['X', [1, 2], floats(1, 2)]],
  });
  assert.deepEqual(read({ inputs: { s: [['x'], ['y']], a: [[1], [2]] } }, TWO).inputs, [
    ['a', [2, 1], ints(1, 2)],
    ['s', [2, 1], texts('x', 'y')],
  ]);
});

test('bytes in base64 are a value, not an object by name', () => {
  const b64 = Buffer.from('hi').toString('base64');
  assert.deepEqual(read({ instances: [{ a: 1, s: { b64 } }] }, TWO).inputs[1], ['s', [1, 1], texts('hi')]);
  const only: Signature = { ...TWO, inputs: TWO.inputs.slice(1) };
  assert.deepEqual(read({ instances: [{ b64 }, { b64 }] }, only).inputs, [['s', [2, 1], texts('hi', 'hi')]]);
  refused({ instances: [{ b64: '!' }] }, /is no base64/, only);
});

test('what is not a predict request is refused, and where', () => {
  refused({}, /^Missing 'inputs' or 'instances' key$/);
  refused({ instances: [], inputs: [] }, /both 'instances' and 'inputs'/);
  refused({ instances: [] }, /'instances' is empty/);
  refused({ instances: 3 }, /wanted a list/);
  refused(
    { instances: [[1, 2], [3]] },
    /instances\[1\] has the shape \[1\] for input 'X', the first one had \[2\]/,
  );
  refused({ instances: [[1, [2]]] }, /instances\[0\]\[1\]/);
  refused(
    { instances: [1] },
    /instances\[0\] is a value, wanted an object by input: the model has 2 inputs/,
    TWO,
  );
  refused(
    { instances: [{ a: 1, s: 'x' }, { a: 1 }] },
    /instances\[1\] has other names than the instance before it/,
    TWO,
  );
  refused(
    { inputs: { a: [1] } },
    /input size does not match signature: 1!=2 .*Missing but required: \{s\}/,
    TWO,
  );
  refused({ inputs: { X: [[1, 2]], __proto__x: 1 } }, /Sent extra: \{__proto__x\}/);
  refused(
    { signature_name: 'other', instances: [[1, 2]] },
    /Serving signature key "other" not found/,
    ONE,
    'FAILED_PRECONDITION',
  );
  refused('{"instances": [[1, 2]', /line 1, column 22/);
  refused('{"instances": [[1, 2]]} x', /wanted the end/);
});
