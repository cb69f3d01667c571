import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../../bench/load/random.js';
import { JsonReader } from '../../../../gateway/http/json/reader.js';
import { type JsonValue, readValue } from '../../../../gateway/http/json/value.js';

function read(text: string | Buffer): JsonValue {
  const reader = new JsonReader(Buffer.from(text));
  const value = readValue(reader);
  reader.end();
  return value;
}

/** As JSON.parse has it. */
function plain(value: JsonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, each]) => [name, plain(each)]));
  if (Array.isArray(value)) return value.map((each) => plain(each));
  return typeof value === 'bigint' ? Number(value) : value;
}

test('reads what JSON.parse reads, and the tokens of Python', () => {
  for (const text of [
    ...['null', 'true', ' false ', '"a"', '0', '-0', '12.5e-3', '[]', '{}', '[ 1 , [2],{"a":[3,{}]}]'],
    ...['{"a":1,"b":[true,null,"\\u00e9\\ud83d\\ude00\\n\\\\/"]}', '1e308', '123456789012345.67'],
  ])
    assert.deepEqual(plain(read(text)), JSON.parse(text), text);
  assert.deepEqual(read('[NaN,Infinity,-Infinity]'), [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
  assert.equal(read('9223372036854775807'), 9223372036854775807n);
});

test('numbers are the nearest doubles, however they are written', () => {
  const random = seededRandom(3);
  const bits = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 20_000; i++) {
    bits.setUint32(0, random() * 2 ** 32);
    bits.setUint32(4, random() * 2 ** 32);
    const value = bits.getFloat64(0);
    if (!Number.isFinite(value)) continue;
    const given = [String(value), value.toPrecision(1 + Math.floor(random() * 20)), value.toExponential()];
    for (const text of given) {
      if (/e\+?\d+$/i.test(text) && Number(text) > Number.MAX_VALUE) continue;
      const reader = new JsonReader(Buffer.from(text));
      if (Number.isFinite(Number(text))) assert.equal(reader.number(), Number(text), text);
    }
  }
});

test('C60 what is no JSON is refused with line and column', () => {
  for (const [text, problem] of [
    ['', /wanted a value, it ends \(line 1, column 1\)/],
    ['{"a":1', /wanted ',' or '}', it ends \(line 1, column 7\)/],
    ['{"a":1,}', /wanted a name in double quotes, got '}'/],
    ['[1,]', /wanted a value, got ']' \(line 1, column 4\)/],
    ['[1\n, x]', /wanted a value, got 'x' \(line 2, column 3\)/],
    ['[1] 2', /wanted the end, got '2'/],
    ['{a:1}', /wanted a name in double quotes, got 'a'/],
    ["{'a':1}", /wanted a name in double quotes/],
    ['01', /begins with a 0/],
    ['1.', /a digit behind the point/],
    ['1e', /a digit of the exponent/],
    ['1e999', /'1e999' is larger than any double/],
    ['-', /wanted a digit/],
    ['"a', /\(line 1, column/],
    ['"\\x"', /\(line 1, column/],
    ['"\n"', /\(line 1, column/],
    ['tru', /wanted true or false/],
    ['{"a":1,"a":2}', /the name 'a' is there twice \(line 1, column 8\)/],
    ['{"__proto__":1,"__proto__":2}', /twice/],
    ['\ufeff{}', /byte order mark/],
  ] as const)
    assert.throws(
      () => read(text),
      (error: Error) => {
        assert.match(error.message, problem, JSON.stringify(text));
        assert.match(error.message, /^failed to parse the request JSON buffer: /);
        return true;
      },
    );
  assert.throws(() => read(Buffer.from([0x22, 0xff, 0x22])), /not valid UTF-8/);
  assert.throws(() => read(Buffer.from('{"a":1}', 'utf16le')), /not UTF-8/);
});

test('depth and members are bounded: nothing recurses into what is refused', () => {
  assert.throws(() => read('['.repeat(10_000)), /deeper than 100 levels/);
  assert.throws(() => read('{"a":'.repeat(10_000)), /deeper than 100 levels/);
  const many = Array.from({ length: 10_001 }, (_, i) => `"${i}":0`).join();
  assert.throws(() => read(`{${many}}`), /more than 10000 members/);
});

test('__proto__ is a name as any other', () => {
  const value = read('{"__proto__":{"polluted":1},"constructor":2}');
  assert.ok(value instanceof Map && value.size === 2);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('text that was changed at random is read as JSON.parse reads it, or refused where it refuses', () => {
  const random = seededRandom(60);
  const base =
    '{"id":"a\\u0041","inputs":[{"name":"X","shape":[1,2],"datatype":"FP32","data":[[1.5,-2e-3]]}],"n":null}';
  let read1 = 0;
  for (let i = 0; i < 5000; i++) {
    const bytes = Buffer.from(base);
    for (let k = 0; k <= random() * 3; k++)
      bytes[Math.floor(random() * bytes.length)] = 0x20 + Math.floor(random() * 95);
    const text = bytes.toString();
    let wanted: unknown;
    try {
      wanted = JSON.parse(text);
    } catch {
      // Names twice and NaN are the only differences: neither is made valid here.
      assert.throws(() => read(text), text);
      continue;
    }
    try {
      assert.deepEqual(plain(read(text)), wanted, text);
      read1++;
    } catch (error) {
      assert.match((error as Error).message, /twice|larger than any double/, text);
    }
  }
  assert.ok(read1 > 500, `${read1}`);
});
