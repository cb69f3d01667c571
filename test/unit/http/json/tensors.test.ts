import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../../bench/load/random.js';
import type { Datatype } from '../../../../gateway/core/datatype.js';
import { JsonReader } from '../../../../gateway/http/json/reader.js';
import { TensorReader, type TensorReaderOptions } from '../../../../gateway/http/json/tensor-reader.js';
import { elementTexts } from '../../../../gateway/http/json/tensor-writer.js';

const STYLE = { nonFinite: 'null', int64Strings: false } as const;

function read(datatype: Datatype, text: string, options: Partial<TensorReaderOptions> = {}) {
  const values = new TensorReader({ datatype, where: 'data', ...options });
  const reader = new JsonReader(Buffer.from(text));
  const shape = values.read(reader);
  reader.end();
  return { shape, data: values.finish() };
}

function backAndForth(datatype: Datatype, text: string, options: Partial<TensorReaderOptions> = {}): string {
  const { shape, data } = read(datatype, text, options);
  const { texts } = elementTexts({ name: 'X', datatype, shape, data }, STYLE);
  return `[${texts.join()}]`;
}

test('every datatype is read and written to the bit, least and largest values too', () => {
  for (const [datatype, text] of [
    ['BOOL', '[true,false]'],
    ['INT8', '[-128,0,127]'],
    ['UINT8', '[0,255]'],
    ['INT16', '[-32768,32767]'],
    ['UINT16', '[0,65535]'],
    ['INT32', '[-2147483648,2147483647]'],
    ['UINT32', '[0,4294967295]'],
    ['INT64', '[-9223372036854775808,-1,9007199254740993,9223372036854775807]'],
    ['UINT64', '[0,9007199254740993,18446744073709551615]'],
    ['FP16', '[0.1,-2.5,65504,5.9605e-8]'],
    ['FP32', '[0.1,-0,16777216,3.4028235e+38,1e-45,0.3333333]'],
    ['FP64', '[0.1,1.7976931348623157e+308,5e-324]'],
    ['BYTES', '["","é😀","a\\"b\\n"]'],
  ] as const) {
    const written = backAndForth(datatype, text);
    assert.equal(backAndForth(datatype, written), written, datatype);
    const parsed = JSON.parse(text) as unknown[];
    assert.equal((JSON.parse(written) as unknown[]).length, parsed.length);
    if (datatype === 'BYTES' || datatype === 'BOOL') assert.deepEqual(JSON.parse(written), parsed);
  }
  assert.equal(
    backAndForth('INT64', '[9007199254740993,-9223372036854775808]'),
    '[9007199254740993,-9223372036854775808]',
  );
  assert.equal(backAndForth('FP32', '[0.1,3.4028235e+38,1e-45,-0]'), '[0.1,3.4028235e+38,1e-45,-0]');
});

test('an FP32 is written with the fewest digits that are read back as the same', () => {
  const random = seededRandom(32);
  const view = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < 50_000; i++) {
    view.setUint32(0, random() * 2 ** 32, true);
    const value = view.getFloat32(0, true);
    if (!Number.isFinite(value)) continue;
    const data = new Uint8Array(view.buffer.slice(0));
    const [text = ''] = elementTexts({ name: 'X', datatype: 'FP32', shape: [1], data }, STYLE).texts;
    assert.equal(Math.fround(Number(text)), value, text);
    let shortest = 1;
    while (Math.fround(Number(value.toPrecision(shortest))) !== value) shortest++;
    const digits = text.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length;
    assert.ok(digits <= shortest, `${text} has ${digits} digits, ${shortest} would do`);
  }
});

test('C60 numbers out of range, fractions, other kinds, ragged and wrongly nested lists are refused with the element', () => {
  for (const [datatype, text, problem] of [
    ['INT8', '[1,128]', /^data\[1\] is 128, wanted a number of INT8: -128 to 127 \(line 1, column 4\)/],
    ['UINT8', '[-1]', /data\[0\] is -1/],
    ['INT32', '[1.5]', /wanted a whole number/],
    ['INT64', '[9223372036854775808]', /is 9223372036854775808, wanted/],
    ['UINT64', '[-1]', /data\[0\] is -1/],
    ['FP32', '[1e39]', /data\[0\] is 1e39/],
    ['FP16', '[70000]', /data\[0\] is 70000/],
    ['FP64', '[1e999]', /larger than any double/],
    ['FP32', '["1"]', /data\[0\] is a text, wanted a number of FP32/],
    ['FP32', '[null]', /is null/],
    ['FP32', '[true]', /is true/],
    ['BOOL', '[2]', /true, false, 1 or 0/],
    ['BYTES', '[1]', /is a number, wanted a text/],
    ['FP32', '[[1,2],[3]]', /data\[1\] has 1 elements, wanted 2/],
    ['FP32', '[[1],2]', /data\[1\] is a number, wanted a list/],
    ['FP32', '[1,[2]]', /data\[1\] is a list/],
    ['FP32', '[{"a":1}]', /is an object/],
    ['BF16', '[1]', /BF16 can be sent as binary data only/],
  ] as const)
    assert.throws(() => read(datatype, text), { code: 'INVALID_ARGUMENT', message: problem }, text);
});

test('strings of digits and base64 are taken where they are allowed; NaN and the infinities always', () => {
  assert.equal(backAndForth('INT64', '["9007199254740993"]', { int64Strings: true }), '[9007199254740993]');
  assert.throws(() => read('INT64', '["1"]'), /is a text/);
  const { data } = read('BYTES', '[{"b64":"AP8="}]', { base64: true });
  assert.deepEqual([...data], [2, 0, 0, 0, 0, 0xff]);
  assert.throws(() => read('BYTES', '[{"b64":"A"}]', { base64: true }), /no base64/);
  const { data: odd, shape } = read('FP32', '[NaN,Infinity,-Infinity]');
  const tensor = { name: 'X', datatype: 'FP32', shape, data: odd } as const;
  assert.deepEqual(elementTexts(tensor, STYLE), { texts: ['null', 'null', 'null'], nonFinite: 3 });
  assert.deepEqual(elementTexts(tensor, { ...STYLE, nonFinite: 'tokens' }).texts, [
    'NaN',
    'Infinity',
    '-Infinity',
  ]);
});

test('integers beyond 2^53 are texts where that is wanted; a string that is no text is refused', () => {
  const { data, shape } = read('INT64', '[9007199254740993,1]');
  const tensor = { name: 'X', datatype: 'INT64', shape, data } as const;
  assert.deepEqual(elementTexts(tensor, { ...STYLE, int64Strings: true }).texts, ['"9007199254740993"', '1']);
  const odd = Uint8Array.of(1, 0, 0, 0, 0xff);
  assert.throws(
    () => elementTexts({ name: 'S', datatype: 'BYTES', shape: [1], data: odd }, STYLE),
    /not UTF-8/,
  );
});
