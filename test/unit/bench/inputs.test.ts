import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodiesOf } from '../../../bench/inputs/bodies.js';
import { readCsv } from '../../../bench/inputs/csv.js';
import { type GenerateOptions, generateSamples } from '../../../bench/inputs/generate.js';
import { readNpy } from '../../../bench/inputs/npy.js';
import { readSamples } from '../../../bench/inputs/read-samples.js';
import type { Samples } from '../../../bench/inputs/samples.js';
import { seededRandom } from '../../../bench/load/random.js';
import type { TensorMetadata } from '../../../client/client.js';

/** A .npy file as NumPy writes it: the header padded to 64 bytes, ended by a line break. */
function npy(descr: string, shape: string, data: Uint8Array, { version = 1, order = 'False' } = {}): Buffer {
  const start = version === 1 ? 10 : 12;
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const header = `${text.padEnd(128 - start - 1)}\n`;
  const head = Buffer.alloc(start);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) head.writeUInt16LE(header.length, 8);
  else head.writeUInt32LE(header.length, 8);
  return Buffer.concat([head, Buffer.from(header, 'latin1'), data]);
}

const bytes = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const floats = (data: Uint8Array): number[] => [...new Float32Array(Uint8Array.from(data).buffer)];

test('.npy: datatypes, shapes and versions', () => {
  const table: readonly [
    descr: string,
    shape: string,
    data: ArrayBufferView,
    datatype: string,
    dims: number[],
  ][] = [
    ['<f4', '(2, 3)', new Float32Array(6), 'FP32', [2, 3]],
    ['<f8', '(2,)', new Float64Array(2), 'FP64', [2]],
    ['<f2', '(1, 1)', new Uint16Array(1), 'FP16', [1, 1]],
    ['<i4', '()', new Int32Array(1), 'INT32', []],
    ['<i8', '(0, 4)', new BigInt64Array(0), 'INT64', [0, 4]],
    ['|b1', '(3,)', new Uint8Array(3), 'BOOL', [3]],
    ['|u1', '(1, 2, 2, 1)', new Uint8Array(4), 'UINT8', [1, 2, 2, 1]],
    ['|i1', '(2L,)', new Int8Array(2), 'INT8', [2]],
  ];
  for (const [descr, shape, data, datatype, dims] of table) {
    for (const version of [1, 2, 3]) {
      const read = readNpy(npy(descr, shape, bytes(data), { version }));
      assert.deepEqual([read.datatype, read.shape, read.data.length], [datatype, dims, data.byteLength]);
    }
  }
});

test('.npy: what is wrong is said', () => {
  const one = new Uint8Array(4);
  const good = npy('<f4', '(1,)', one);
  const table: readonly [file: Uint8Array, message: RegExp][] = [
    [Buffer.from('X,Y\n1,2\n'), /does not begin as a \.npy file/],
    [good.subarray(0, 60), /ends within its header/],
    [npy('<f4', '(1,)', one, { version: 9 }), /version 9; wanted 1, 2 or 3/],
    [npy('>f4', '(1,)', one), /elements are ">f4"; wanted one of \|b1 .*<f4/],
    [npy('|O', '(1,)', one), /elements are "\|O"/],
    [npy('<f4', '(1,)', one, { order: 'True' }), /Fortran order/],
    [npy('<f4', '(2,)', one), /4 bytes of elements; shape \[2\] of FP32 wants 8/],
    [npy("x', 'descr", "[('a', 1)]", one), /lacks descr, fortran_order or shape/],
  ];
  for (const [file, message] of table) assert.throws(() => readNpy(file), message);
});

test('.csv: names and numbers, quoted or not', () => {
  assert.deepEqual(readCsv('\uFEFFa,"b, cm","say ""c"""\r\n1,2.5,-3e2\r\n\r\nnan,"7",0\r\n'), {
    columns: ['a', 'b, cm', 'say "c"'],
    rows: [
      [1, 2.5, -300],
      [Number.NaN, 7, 0],
    ],
  });
});

test('.csv: what is wrong is said with line and column', () => {
  const table: readonly [text: string, message: RegExp][] = [
    ['', /it is empty/],
    ['a,b\n', /no rows/],
    ['1,2\n3,4\n', /first line holds numbers only/],
    ['a,b\n1,2\n3\n', /line 3 has 1 cells; the header has 2/],
    ['a,b\n1,x\n', /line 2, column "b" holds "x"; wanted a number/],
    ['a,b\n1,\n', /line 2, column "b" holds ""/],
    ['a,b\n1,"23\n4",5\n', /line 2 has 3 cells; the header has 2/],
    ['a,b\n"1"2,3\n', /line 2 has a cell whose quotes/],
  ];
  for (const [text, message] of table) assert.throws(() => readCsv(text), message, text);
});

const X: TensorMetadata = { name: 'X', datatype: 'FP32', shape: [-1, 2] };
const LABEL: TensorMetadata = { name: 'label', datatype: 'INT64', shape: [-1] };
const WORD: TensorMetadata = { name: 'word', datatype: 'BYTES', shape: [-1, 1] };
const IMAGE: TensorMetadata = { name: 'image', datatype: 'UINT8', shape: [2, 2] };

const read = (
  path: string,
  content: string | Uint8Array,
  specs: TensorMetadata[],
  batches = true,
): Samples[] =>
  readSamples(path, typeof content === 'string' ? Buffer.from(content) : content, { specs, batches });

test('samples are read from every kind of file, to the same bytes', () => {
  const matrix = Float32Array.of(1, 2, 3, 4, 5, 6);
  const table: readonly [path: string, content: string | Uint8Array, why: string][] = [
    ['a.json', '[[1, 2], [3, 4], [5, 6]]', 'a list for the only input'],
    ['a.json', '{"X": [[1, 2], [3, 4], [5, 6]]}', 'by name'],
    ['a.json', '{"shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]}', 'flat with a shape'],
    ['a.json', '[{"X": [1, 2]}, {"X": [3, 4]}, {"X": [5, 6]}]', 'one object a sample'],
    [
      'a.json',
      '{"data": [{"X": [1, 2]}, {"X": [3, 4]}, {"X": {"content": [5, 6], "shape": [2]}}]}',
      "perf_analyzer's",
    ],
    ['a.csv', 'one,two\n1,2\n3,4\n5,6\n', 'columns'],
    ['a.NPY', npy('<f4', '(3, 2)', bytes(matrix)), 'the same datatype'],
    ['a.npy', npy('<f8', '(3, 2)', bytes(Float64Array.from(matrix))), "NumPy's default datatype, converted"],
  ];
  for (const [path, content, why] of table) {
    const [samples, ...others] = read(path, content, [X]);
    assert.equal(others.length, 0);
    assert.deepEqual(
      { ...samples, parts: [] },
      { name: 'X', datatype: 'FP32', count: 3, sampleShape: [2], parts: [] },
      why,
    );
    assert.deepEqual(
      samples?.parts.map(floats),
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      why,
    );
  }
});

test('samples that do not fit are refused with what was wanted', () => {
  const table: readonly [
    path: string,
    content: string | Uint8Array,
    specs: TensorMetadata[],
    message: RegExp,
  ][] = [
    ['a.json', '[[1, 2, 3]]', [X], /X has shape \[1, 3\]; wanted \[n, 2\] for n samples/],
    ['a.json', '{"Y": [[1, 2]]}', [X], /names "Y"; wanted "X"/],
    ['a.json', '[[1, 2]]', [X, LABEL], /the model has "X" and "label"; a JSON list holds one/],
    ['a.json', '{', [X], /is not JSON/],
    ['a.json', '[{"X": [1, 2]}, 5]', [X], /sample 1 is not an object/],
    ['a.json', '[{"X": [1, 2]}, {}]', [X], /"X" is missing in some/],
    ['a.csv', 'a,b,c\n1,2,3\n', [X], /3 columns; X wants \[2\] a row, so 2 columns/],
    ['a.npy', npy('<f4', '(2, 3)', new Uint8Array(24)), [X], /X has shape \[2, 3\]/],
    ['a.npy', npy('<f8', '(1,)', bytes(Float64Array.of(1.5))), [LABEL], /wanted an integer/],
  ];
  for (const [path, content, specs, message] of table)
    assert.throws(() => read(path, content, specs), message);
});

test('a model without batches takes one sample a request, given alone or in a list', () => {
  const [one] = read('a.json', '[[1, 2], [3, 4]]', [IMAGE], false);
  const [three] = read('a.npy', npy('|u1', '(3, 2, 2)', new Uint8Array(12)), [IMAGE], false);
  assert.deepEqual([one?.count, three?.count], [1, 3]);
  const bodies = bodiesOf(three === undefined ? [] : [three], { rows: 1, batches: false });
  assert.deepEqual(
    bodies.map(([tensor]) => tensor?.shape),
    [
      [2, 2],
      [2, 2],
      [2, 2],
    ],
  );
});

test('rows go into bodies in turn; the last body begins again from the first row', () => {
  const samples = read('a.json', '{"X": [[1, 2], [3, 4], [5, 6]], "word": [["a"], ["bcd"], [""]]}', [
    X,
    WORD,
  ]);
  const bodies = bodiesOf(samples, { rows: 2, batches: true });
  assert.deepEqual(
    bodies.map(([x, word]) => [
      x?.shape,
      floats(x?.data as Uint8Array),
      word?.shape,
      Buffer.from(word?.data as Uint8Array).toString('latin1'),
    ]),
    [
      [[2, 2], [1, 2, 3, 4], [2, 1], '\u0001\0\0\0a\u0003\0\0\0bcd'],
      [[2, 2], [5, 6, 1, 2], [2, 1], '\0\0\0\0\u0001\0\0\0a'],
    ],
  );
  assert.throws(
    () =>
      bodiesOf(read('a.json', '{"X": [[1, 2]], "label": [1, 2]}', [X, LABEL]), { rows: 1, batches: true }),
    /X has 1, label has 2; wanted as many of each/,
  );
});

const generate = (specs: TensorMetadata[], options: Partial<GenerateOptions> = {}): Samples[] =>
  generateSamples(specs, {
    kind: 'random',
    count: 50,
    batches: true,
    shapes: new Map(),
    random: seededRandom(1),
    ...options,
  });

test('random samples are in range, differ, and are the same for the same seed', () => {
  const [x] = generate([X]);
  const values = (x?.parts ?? []).flatMap(floats);
  assert.equal(values.length, 100);
  assert.ok(values.every((value) => value >= 0 && value < 1) && new Set(values).size > 90);
  assert.deepEqual(generate([X]), generate([X]));
  assert.notDeepEqual(generate([X]), generate([X], { random: seededRandom(2) }));
  const [label] = generate([LABEL], { range: [3, 5] });
  const labels = new Set(label?.parts.map((part) => Number(Buffer.from(part).readBigInt64LE())));
  assert.deepEqual([...labels].sort(), [3, 4, 5]);
});

test('zeros are zeros of every datatype', () => {
  for (const datatype of ['BOOL', 'UINT64', 'FP16', 'BF16', 'FP64', 'INT8']) {
    const [samples] = generate([{ name: 'z', datatype, shape: [-1, 3] }], { kind: 'zeros', count: 1 });
    assert.ok(
      samples?.parts[0]?.every((byte) => byte === 0),
      datatype,
    );
  }
  const [words] = generate([WORD], { kind: 'zeros', count: 1 });
  assert.deepEqual([...(words?.parts[0] ?? [])], [0, 0, 0, 0]);
});

test('open dimensions must be given, and must fit', () => {
  const open: TensorMetadata = { name: 'ids', datatype: 'INT64', shape: [-1, -1, 4] };
  assert.throws(
    () => generate([open]),
    /Input "ids" has variable dimensions, \[-1, 4\] after the batch dimension: give them, e\.g\. --shape ids:8,4/,
  );
  const [ids] = generate([open], { shapes: new Map([['ids', [7, 4]]]) });
  assert.deepEqual([ids?.sampleShape, ids?.parts[0]?.length], [[7, 4], 7 * 4 * 8]);
  for (const shape of [[7, 5], [7], [1, 7, 4]])
    assert.throws(() => generate([open], { shapes: new Map([['ids', shape]]) }), /does not fit/);
  assert.throws(() => generate([X], { shapes: new Map([['Y', [1]]]) }), /names input "Y"; the model has "X"/);
});
