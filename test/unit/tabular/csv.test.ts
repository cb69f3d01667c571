import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCsvRecords } from '../../../gateway/tabular/csv.js';

const cells = (text: string) => readCsvRecords(text).map((record) => record.cells);

test('cells, quotes, doubled quotes, commas and line breaks in quotes', () => {
  const table: readonly [text: string, cells: string[][]][] = [
    ['', []],
    ['a,b', [['a', 'b']]],
    [
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a,b\r\n1,2\r\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['a\r1\r', [['a'], ['1']]],
    [
      '\uFEFFa,b\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [' a , b ', [['a', 'b']]],
    ['"a,b","c ""d"""', [['a,b', 'c "d"']]],
    ['"two\nlines",x', [['two\nlines', 'x']]],
    [
      '1,\n,2\n,',
      [
        ['1', ''],
        ['', '2'],
        ['', ''],
      ],
    ],
    ['a\n\n  \nb', [['a'], ['b']]],
    ['""', [['']]],
    ['" spaces stay " , x', [[' spaces stay ', 'x']]],
    ['a"b,c', [['a"b', 'c']]],
  ];
  for (const [text, wanted] of table) assert.deepEqual(cells(text), wanted, JSON.stringify(text));
});

test('lines count on through quoted line breaks', () => {
  assert.deepEqual(
    readCsvRecords('h\n"a\nb"\n\nc').map(({ line }) => line),
    [1, 2, 5],
  );
});

test('quotes that do not end, or do not end the cell, are refused with their line', () => {
  assert.throws(() => cells('a\n"b'), /^Error: line 2 has a cell whose quotes do not end: "b$/);
  assert.throws(
    () => cells('a\n"b"c,d'),
    /^Error: line 2 has a cell whose quotes do not end with it: "b"c,d$/,
  );
});
