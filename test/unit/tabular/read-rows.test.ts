import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { readRows, readTable } from '../../../gateway/tabular/read-rows.js';
import { planRows, type RowInput, type RowPlan } from '../../../gateway/tabular/row-plan.js';
import { toValue, type Value } from '../../../gateway/tabular/value.js';

const input = (name: string, shape: number[], datatype = 'FP32'): RowInput => ({ name, datatype, shape });

const IRIS = ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)'];
const iris = planRows('iris', [input('X', [-1, 4])], { X: IRIS });
const nameless = planRows('iris', [input('X', [-1, 4])]);
/** A pipeline as skl2onnx exports it: an input for each column. */
const titanic = planRows('titanic', [
  input('age', [-1, 1]),
  input('sex', [-1, 1], 'BYTES'),
  input('pclass', [-1, 1], 'INT64'),
]);
const scalars = planRows('s', [input('x', [-1])]);
const image = planRows('image', [input('data', [-1, 2, 2])]);
const pair = planRows('pair', [input('ids', [-1, -1], 'INT64'), input('mask', [-1, -1], 'INT64')]);
const fixed = planRows('fixed', [input('X', [1, 4])], { X: IRIS });
const whole = planRows('whole', [input('A', [3, 2])]);

const read = (plan: RowPlan, json: string) => readRows(plan, toValue(JSON.parse(json)));
/** Shape and values by input. */
const short = (plan: RowPlan, json: string) =>
  Object.fromEntries(read(plan, json).inputs.map(({ name, shape, values }) => [name, [shape, values]]));

test('rows, lists of rows, records and columns come to the same tensors', () => {
  const one = {
    X: [
      [1, 4],
      [5.1, 3.5, 1.4, 0.2],
    ],
  };
  const two = {
    X: [
      [2, 4],
      [1, 2, 3, 4, 5, 6, 7, 8],
    ],
  };
  const record = (values: number[]) =>
    JSON.stringify(Object.fromEntries(IRIS.map((name, i) => [name, values[i]])));
  const backwards = (values: number[]) =>
    JSON.stringify(Object.fromEntries(IRIS.map((name, i): [string, unknown] => [name, values[i]]).reverse()));
  const table: readonly [plan: RowPlan, json: string, wanted: object][] = [
    [iris, '[5.1, 3.5, 1.4, 0.2]', one],
    [iris, '[[5.1, 3.5, 1.4, 0.2]]', one],
    [iris, record([5.1, 3.5, 1.4, 0.2]), one],
    [iris, `[${record([5.1, 3.5, 1.4, 0.2])}]`, one],
    [iris, backwards([5.1, 3.5, 1.4, 0.2]), one],
    [iris, '{"X": [5.1, 3.5, 1.4, 0.2]}', one],
    [iris, '{"X": [[1, 2, 3, 4], [5, 6, 7, 8]]}', two],
    [iris, '[{"X": [1, 2, 3, 4]}, {"X": [5, 6, 7, 8]}]', two],
    [iris, '[[1, 2, 3, 4], [5, 6, 7, 8]]', two],
    [iris, `[${record([1, 2, 3, 4])}, ${backwards([5, 6, 7, 8])}]`, two],
    [iris, JSON.stringify(Object.fromEntries(IRIS.map((name, i) => [name, [i + 1, i + 5]]))), two],
    [iris, `[${record([1, 2, 3, 4])}, [5, 6, 7, 8]]`, two],
    [nameless, '[5.1, 3.5, 1.4, 0.2]', one],
    [nameless, '{"X": [5.1, 3.5, 1.4, 0.2]}', one],
    [nameless, '{"X": [[1, 2, 3, 4], [5, 6, 7, 8]]}', two],
    [fixed, '[5.1, 3.5, 1.4, 0.2]', one],
    [fixed, '[[5.1, 3.5, 1.4, 0.2]]', one],
    [titanic, '[29, "female", 1]', { age: [[1, 1], [29]], sex: [[1, 1], ['female']], pclass: [[1, 1], [1]] }],
    [
      titanic,
      '{"pclass": 1, "sex": "female", "age": 29}',
      { age: [[1, 1], [29]], sex: [[1, 1], ['female']], pclass: [[1, 1], [1]] },
    ],
    [
      titanic,
      '[[29, "f", 1], [30, "m", 2]]',
      {
        age: [
          [2, 1],
          [29, 30],
        ],
        sex: [
          [2, 1],
          ['f', 'm'],
        ],
        pclass: [
          [2, 1],
          [1, 2],
        ],
      },
    ],
    [
      titanic,
      '{"age": [29, 30], "sex": ["f", "m"], "pclass": [1, 2]}',
      {
        age: [
          [2, 1],
          [29, 30],
        ],
        sex: [
          [2, 1],
          ['f', 'm'],
        ],
        pclass: [
          [2, 1],
          [1, 2],
        ],
      },
    ],
    [scalars, '7', { x: [[1], [7]] }],
    [scalars, '[7, 8]', { x: [[2], [7, 8]] }],
    [scalars, '[{"x": 7}, {"x": 8}]', { x: [[2], [7, 8]] }],
    [scalars, '[[7], [8]]', { x: [[2], [7, 8]] }],
    [
      image,
      '[[1, 2], [3, 4]]',
      {
        data: [
          [1, 2, 2],
          [1, 2, 3, 4],
        ],
      },
    ],
    [
      image,
      '[[[1, 2], [3, 4]]]',
      {
        data: [
          [1, 2, 2],
          [1, 2, 3, 4],
        ],
      },
    ],
    [
      image,
      '{"data": [[1, 2], [3, 4]]}',
      {
        data: [
          [1, 2, 2],
          [1, 2, 3, 4],
        ],
      },
    ],
    [
      pair,
      '{"ids": [5, 6, 7], "mask": [1, 1, 0]}',
      {
        ids: [
          [1, 3],
          [5, 6, 7],
        ],
        mask: [
          [1, 3],
          [1, 1, 0],
        ],
      },
    ],
    [
      pair,
      '[[5, 6], [1, 0]]',
      {
        ids: [
          [1, 2],
          [5, 6],
        ],
        mask: [
          [1, 2],
          [1, 0],
        ],
      },
    ],
    [
      pair,
      '{"ids": [[5], [6]], "mask": [[1], [0]]}',
      {
        ids: [
          [2, 1],
          [5, 6],
        ],
        mask: [
          [2, 1],
          [1, 0],
        ],
      },
    ],
    [
      whole,
      '[[1, 2], [3, 4], [5, 6]]',
      {
        A: [
          [3, 2],
          [1, 2, 3, 4, 5, 6],
        ],
      },
    ],
    [
      whole,
      '{"A": [[1, 2], [3, 4], [5, 6]]}',
      {
        A: [
          [3, 2],
          [1, 2, 3, 4, 5, 6],
        ],
      },
    ],
  ];
  for (const [plan, json, wanted] of table)
    assert.deepEqual(short(plan, json), wanted, `${plan.model} ${json}`);
});

test('what does not fit is refused with row, column and the nearest name', () => {
  const rest = '"sepal width (cm)": 3, "petal length (cm)": 1, "petal width (cm)": 0';
  const table: readonly [plan: RowPlan, json: string, message: string][] = [
    [
      iris,
      `{"sepal lenght (cm)": 5, ${rest}}`,
      "row 0: model 'iris' has no column 'sepal lenght (cm)', did you mean 'sepal length (cm)'?",
    ],
    [
      iris,
      `{"colour": 5, ${rest}, "sepal length (cm)": 1}`,
      `row 0: model 'iris' has no column 'colour'; its columns are ${IRIS.map((name) => `'${name}'`).join(', ')}`,
    ],
    [iris, `{${rest}}`, "row 0: column 'sepal length (cm)' is missing"],
    [
      iris,
      '{}',
      "row 0: columns 'sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)' are missing",
    ],
    [iris, `[{"sepal length (cm)": 5, ${rest}}, {${rest}}]`, "row 1: column 'sepal length (cm)' is missing"],
    [
      iris,
      `{"sepal length (cm)": "5.1", ${rest}}`,
      "row 0, column 'sepal length (cm)': got the text '5.1', wanted a number (FP32)",
    ],
    [
      iris,
      `{"__proto__": 1, ${rest}}`,
      "row 0: model 'iris' has no column '__proto__'; its columns are 'sepal length (cm)'",
    ],
    [
      iris,
      '[5.1, 3.5, 1.4]',
      "row 0: got a list of 3, wanted a list of 4 values for model 'iris': 'sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)'",
    ],
    [iris, '[[1, 2, 3, 4], [1, 2, 3]]', 'row 1: got a list of 3, wanted a list of 4 values for model'],
    [iris, '[[1, 2, 3, 4], 5]', 'row 1: got the number 5, wanted a list of 4 values'],
    [
      iris,
      '[1, 2, [3], [4, 5]]',
      "row 0, column 'petal width (cm)': got a list of 2, wanted a number (FP32)",
    ],
    [iris, '7', 'row 0: got the number 7, wanted a list of 4 values'],
    [iris, 'null', 'row 0: got null, wanted a list of 4 values'],
    [iris, '[]', 'there are no rows: at least one is wanted'],
    [
      iris,
      '{"sepal length (cm)": [1, 2], "sepal width (cm)": [1], "petal length (cm)": [1, 2], "petal width (cm)": [1, 2]}',
      "column 'sepal width (cm)' has 1 values, 'sepal length (cm)' has 2",
    ],
    [nameless, '[1, 2, 3]', "row 0, column 'X': got a list of 3, wanted a list of 4"],
    [
      nameless,
      '[[1, 2, 3, 4], [1, 2, 3, "x"]]',
      "row 1, column 'X'[3]: got the text 'x', wanted a number (FP32)",
    ],
    [
      fixed,
      '[[1, 2, 3, 4], [5, 6, 7, 8]]',
      "row 1: model 'fixed' takes one row at a time, its first dimension is fixed",
    ],
    [titanic, '{"age": 29, "sex": 1, "pclass": 1}', "row 0, column 'sex': got the number 1, wanted text"],
    [
      titanic,
      '{"age": 29, "sex": "f", "pclass": 1.5}',
      "row 0, column 'pclass': got the number 1.5, wanted a whole number (INT64)",
    ],
    [
      pair,
      '[{"ids": [1, 2], "mask": [1, 1]}, {"ids": [1], "mask": [1]}]',
      "row 1, column 'ids': got a list of 1, wanted a list of 2",
    ],
    [image, '[[1, 2], [3]]', "row 0, column 'data'[1]: got a list of 1, wanted a list of 2"],
  ];
  for (const [plan, json, message] of table) {
    assert.throws(
      () => read(plan, json),
      (error: unknown) => {
        assert.ok(error instanceof GatewayError, json);
        assert.equal(error.code, 'INVALID_ARGUMENT');
        assert.equal(error.message.slice(0, message.length), message, json);
        return true;
      },
    );
  }
});

test('a table has its columns in any order', () => {
  const names = [...IRIS].reverse();
  const rows: Value[] = [
    [4, 3, 2, 1],
    [8, 7, 6, 5],
  ];
  assert.deepEqual(readTable(iris, names, rows).inputs[0]?.values, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.throws(() => readTable(iris, names.slice(1), [[1, 2, 3]]), /column 'petal width \(cm\)' is missing/);
  assert.throws(() => readTable(iris, [...names, 'x'], rows), /has no column 'x'/);
  assert.throws(
    () => readTable(iris, [...names, 'petal width (cm)'], rows),
    /column 'petal width \(cm\)' is there twice/,
  );
  assert.throws(() => readTable(iris, ['', ...names], rows), /column 1 has no name: .* index=False/);
  assert.throws(
    () => readTable(iris, names, [[1, 2, 3]]),
    /row 0: got a list of 3, wanted a list of 4 values/,
  );
});

test('two columns of a name are refused', () => {
  assert.throws(
    () => planRows('m', [input('a', [-1, 2]), input('b', [-1, 1])], { a: ['x', 'b'] }),
    /two columns .* 'b'/,
  );
});
