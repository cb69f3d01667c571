import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CsvHeader, readCsvRows } from '../../../gateway/tabular/read-csv.js';
import { planRows, type RowInput, type RowPlan } from '../../../gateway/tabular/row-plan.js';

const input = (name: string, shape: number[], datatype = 'FP32'): RowInput => ({ name, datatype, shape });
const named = planRows('iris', [input('X', [-1, 3])], { X: ['a', 'b', 'c'] });
const nameless = planRows('iris', [input('X', [-1, 3])]);
const mixed = planRows('mixed', [input('age', [-1, 1]), input('sex', [-1, 1], 'BYTES')]);
const texts = planRows('texts', [input('word', [-1], 'BYTES')]);
const image = planRows('image', [input('data', [-1, 2, 2])]);
const any = planRows('any', [input('X', [-1, -1])]);
const pair = planRows('pair', [input('ids', [-1, 2]), input('age', [-1, 1])]);
const vague = planRows('vague', [input('X', [-1, 3, -1])]);

const short = (plan: RowPlan, text: string, header?: CsvHeader) =>
  readCsvRows(plan, text, header).inputs.map(({ shape, values }) => [shape, values]);

test('with a header, in any order, and without one', () => {
  const two = [
    [
      [2, 3],
      [1, 2, 3, 4, 5, 6],
    ],
  ];
  const table: readonly [plan: RowPlan, text: string, header: CsvHeader, wanted: unknown][] = [
    [named, 'a,b,c\n1,2,3\n4,5,6', 'auto', two],
    [named, 'c,a,b\r\n3,1,2\r\n6,4,5\r\n', 'auto', two],
    [named, '1,2,3\n4,5,6\n', 'auto', two],
    [named, '1,2,3\n4,5,6', 'absent', two],
    [nameless, '1,2,3\n4,5,6', 'auto', two],
    [nameless, 'x,y,z\n1,2,3\n4,5,6', 'auto', two],
    [nameless, '10,20,30\n1,2,3\n4,5,6', 'present', two],
    [any, 'x,y,z\n1,2,3\n4,5,6', 'auto', two],
    [any, '1,2,3\n4,5,6', 'auto', two],
    [
      named,
      '1,,3',
      'auto',
      [
        [
          [1, 3],
          [1, Number.NaN, 3],
        ],
      ],
    ],
    [
      mixed,
      'sex,age\nf,29',
      'auto',
      [
        [[1, 1], [29]],
        [[1, 1], ['f']],
      ],
    ],
    [
      mixed,
      '29,f',
      'auto',
      [
        [[1, 1], [29]],
        [[1, 1], ['f']],
      ],
    ],
    [texts, 'hello\nworld', 'auto', [[[2], ['hello', 'world']]]],
    [texts, 'word\nhello', 'auto', [[[1], ['hello']]]],
    [
      image,
      '1,2,3,4',
      'auto',
      [
        [
          [1, 2, 2],
          [1, 2, 3, 4],
        ],
      ],
    ],
  ];
  for (const [plan, text, header, wanted] of table)
    assert.deepEqual(short(plan, text, header), wanted, `${plan.model} ${JSON.stringify(text)}`);
});

test('what does not fit is refused with line and column', () => {
  const table: readonly [plan: RowPlan, text: string, message: RegExp][] = [
    [named, '', /the CSV text is empty/],
    [named, 'a,b,c', /there are no rows/],
    [named, 'a,b,d\n1,2,3', /no column 'd', did you mean 'c'\?/],
    [named, 'a,b\n1,2', /column 'c' is missing/],
    [named, ',a,b,c\n0,1,2,3', /column 1 has no name: .*index=False/],
    [named, 'a,b,c\n1,2\n', /line 2 has 2 cells, wanted 3/],
    [named, 'a,b,c\n\n1,two,3\n', /line 3, column 'b': got 'two', wanted a number \(FP32\)/],
    [named, '1,2,3\n"4', /cannot be read: line 2 has a cell whose quotes do not end/],
    [nameless, 'x,y\n1,2', /the header has 2 columns, model 'iris' wants 3/],
    [nameless, '1,2', /line 1 has 2 cells, wanted 3/],
    [pair, '1,2,3', /has inputs that are lists, 'ids': CSV cannot say them/],
    [vague, '1,2,3', /has inputs that are lists, 'X': CSV cannot say them/],
  ];
  for (const [plan, text, message] of table) assert.throws(() => short(plan, text), message, text);
});
