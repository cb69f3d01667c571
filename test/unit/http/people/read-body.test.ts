import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BodyForm,
  type ReadBody,
  readInvocation,
  readPredictBody,
} from '../../../../gateway/http/people/read-body.js';
import { planRows } from '../../../../gateway/tabular/row-plan.js';

const IRIS = planRows('iris', [{ name: 'X', datatype: 'FP32', shape: [-1, 2] }], { X: ['length', 'width'] });
/** A model whose own column has the name that others put around their rows. */
const DATA = planRows('sums', [{ name: 'data', datatype: 'FP32', shape: [-1, 1] }]);

const reader =
  (read: ReadBody) =>
  (body: string | object, { plan = IRIS, form = 'json' as BodyForm } = {}) => {
    const { rows, inputs } = read(
      plan,
      form,
      Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    );
    return [rows, ...inputs.map(({ values }) => values)];
  };
const predict = reader(readPredictBody);
const invoke = reader(readInvocation);

const TWO_ROWS = [2, [1, 2, 3, 4]];

test('/predict: a row, rows, records and columns, and whatever is put around them', () => {
  assert.deepEqual(predict([1, 2]), [1, [1, 2]]);
  assert.deepEqual(predict({ width: 2, length: 1 }), [1, [1, 2]]);
  const rows = [
    [1, 2],
    [3, 4],
  ];
  const records = [
    { length: 1, width: 2 },
    { width: 4, length: 3 },
  ];
  for (const value of [rows, records, { length: [1, 3], width: [2, 4] }])
    assert.deepEqual(predict(value), TWO_ROWS);
  for (const name of ['instances', 'inputs', 'rows', 'data', 'features', 'dataframe_records'])
    assert.deepEqual(predict({ [name]: records }), TWO_ROWS, name);
  assert.deepEqual(
    predict({
      dataframe_split: {
        columns: ['width', 'length'],
        data: [
          [2, 1],
          [4, 3],
        ],
      },
    }),
    TWO_ROWS,
  );
});

test('/predict: a column that has the name of a wrapper is that column', () => {
  assert.deepEqual(predict({ data: [1, 2, 3] }, { plan: DATA }), [3, [1, 2, 3]]);
  assert.deepEqual(predict({ rows: [[1], [2]] }, { plan: DATA }), [2, [1, 2]]);
});

test('CSV with a header or without; text that is not UTF-8 is refused', () => {
  for (const read of [predict, invoke]) {
    assert.deepEqual(read('length,width\n1,2\n3,4\n', { form: 'csv' }), TWO_ROWS);
    assert.deepEqual(read('1,2\r\n3,4', { form: 'csv' }), TWO_ROWS);
  }
  assert.throws(() => readPredictBody(IRIS, 'csv', Buffer.from([0x31, 0xff, 0x2c, 0x32])), /not valid UTF-8/);
  assert.throws(() => predict('{"a":1} x'), /wanted the end/);
});

test('/predict: names that are not known are refused with the nearest', () => {
  assert.throws(() => predict({ lenght: 1, width: 2 }), /'lenght'.*'length'/);
  assert.throws(() => predict({ instances: [{ length: 1 }] }), /'width'/);
  assert.throws(() => predict({ instances: [], inputs: [] }), /'instances'/);
});

test('/invocations: the forms of MLflow, and rows as they are', () => {
  const data = [
    [1, 2],
    [3, 4],
  ];
  for (const body of [
    { dataframe_split: { index: [7, 8], columns: ['length', 'width'], data } },
    { dataframe_split: { columns: [0, 1], data } },
    { dataframe_split: { columns: null, data } },
    {
      dataframe_records: [
        { length: 1, width: 2 },
        { length: 3, width: 4 },
      ],
      params: {},
    },
    { instances: data, params: null },
    { inputs: { length: [1, 3], width: [2, 4] } },
    data,
  ])
    assert.deepEqual(invoke(body), TWO_ROWS, JSON.stringify(body));
});

test('/invocations: what is no form of them is refused by its name', () => {
  for (const [body, wanted] of [
    [{}, /the body is empty: wanted an object with one of/],
    [{ params: {} }, /the body is empty/],
    [{ dataframe_splt: {} }, /no form 'dataframe_splt'.*'dataframe_split'/],
    [{ constructor: 1 }, /no form 'constructor'/],
    [{ instances: [[1, 2]], inputs: [[1, 2]] }, /wanted one of them/],
    [{ instances: [[1, 2]], params: { temperature: 1 } }, /'params' has .* take no parameters/],
    [{ dataframe_split: { columns: ['length', 'width'] } }, /no list 'data'/],
    [{ dataframe_split: [1] }, /no list 'data'/],
    [{ dataframe_split: { columns: 'length', data: [] } }, /'columns' is .* wanted a list of names/],
    [{ dataframe_split: { columns: ['length', true], data: [[1, 2]] } }, /'columns' has .* wanted names/],
  ] as const)
    assert.throws(() => invoke(body), wanted, JSON.stringify(body));
});
