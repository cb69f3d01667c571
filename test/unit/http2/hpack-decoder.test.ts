import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionError } from '../../../gateway/http2/errors.js';
import { HpackDecoder } from '../../../gateway/http2/hpack-decoder.js';
import { encodeHeaders } from '../../../gateway/http2/hpack-encode.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function decode(decoder: HpackDecoder, block: Buffer): string[] {
  const { fields } = decoder.decode(block, 0, block.length);
  return fields.filter((_, i) => i % 2 === 0).map((name, i) => `${name}: ${fields[2 * i + 1]}`);
}

const FIRST = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];

/** RFC 7541, appendix C.3 and C.4: three requests on one connection, that use what the former ones put into the table. */
const SEQUENCES: readonly (readonly [section: string, blocks: readonly string[]])[] = [
  [
    'C.3',
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
  ],
  [
    'C.4',
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ],
];

for (const [section, [first, second, third]] of SEQUENCES) {
  test(`decodes the requests of RFC 7541 ${section}, each by what came before`, () => {
    const decoder = new HpackDecoder(16_384);
    assert.deepEqual(decode(decoder, hex(first as string)), FIRST);
    assert.deepEqual(decode(decoder, hex(second as string)), [...FIRST, 'cache-control: no-cache']);
    assert.deepEqual(decode(decoder, hex(third as string)), [
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ]);
  });
}

test('the oldest entries make room, and one larger than the table empties it', () => {
  const decoder = new HpackDecoder(100_000);
  const put = (name: string, length: number): Buffer => {
    const value = Buffer.alloc(length, 0x61);
    return Buffer.concat([Buffer.from([0x40, name.length]), Buffer.from(name), integer(length), value]);
  };
  decode(decoder, put('one', 2000));
  decode(decoder, put('two', 1900));
  assert.match(decode(decoder, Buffer.from([0xbf]))[0] as string, /^one: /);
  decode(decoder, put('three', 100));
  assert.throws(() => decode(decoder, Buffer.from([0xc0])), compressionError);
  const other = new HpackDecoder(100_000);
  decode(other, put('one', 10));
  decode(other, put('huge', 5000));
  assert.throws(() => decode(other, Buffer.from([0xbe])), compressionError);
});

/** A string's length, not Huffman-coded. */
function integer(value: number): Buffer {
  const bytes = [127];
  let rest = value - 127;
  if (rest < 0) return Buffer.from([value]);
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

const compressionError = (error: unknown): boolean => error instanceof ConnectionError && error.code === 9;

/** A9: what no decoder can go on after. */
const BROKEN: readonly (readonly [what: string, block: string])[] = [
  ['index 0', '80'],
  ['an index in no table', 'bf'],
  ['a table larger than allowed', '3fe2 1f'],
  ['a table size after a field', '8220'],
  ['a number that is too long', 'ffff ffff ffff ffff ff'],
  ['a number that is cut short', 'ff'],
  ['a text that is cut short', '4003 61'],
  ['no value', '4001 61'],
  ['Huffman padding of more than 7 bits', '4082 ffff 0161'],
];

for (const [what, block] of BROKEN) {
  test(`A9 ${what} is COMPRESSION_ERROR`, () => {
    assert.throws(() => decode(new HpackDecoder(16_384), hex(block)), compressionError);
  });
}

test('A9 names and values that HTTP/2 forbids make the list malformed, also by way of the table', () => {
  for (const [name, value] of [
    ['Upper', 'x'],
    ['', 'x'],
    ['sp ace', 'x'],
    ['x', 'a\r\nb'],
    ['x', 'a\0b'],
    ['x', ' a'],
    ['x', 'a\t'],
  ] as const) {
    const decoder = new HpackDecoder(16_384);
    const block = Buffer.concat([
      Buffer.from([0x40, name.length]),
      Buffer.from(name, 'latin1'),
      Buffer.from([value.length]),
      Buffer.from(value, 'latin1'),
    ]);
    assert.equal(decoder.decode(block, 0, block.length).malformed, true, JSON.stringify([name, value]));
    assert.equal(decoder.decode(Buffer.from([0xbe]), 0, 1).malformed, true);
  }
});

test('a list over the limit is decoded to its end, but not kept', () => {
  const decoder = new HpackDecoder(100);
  const block = Buffer.concat([
    Buffer.from([0x40, 1]),
    Buffer.from('a'),
    integer(90),
    Buffer.alloc(90, 0x62),
    Buffer.from([0x40, 1]),
    Buffer.from('c'),
    Buffer.from([1]),
    Buffer.from('d'),
  ]);
  const list = decoder.decode(block, 0, block.length);
  assert.equal(list.oversize, true);
  assert.ok(list.bytes > 100);
  assert.deepEqual(list.fields, []);
  // The table has both.
  assert.deepEqual(decode(decoder, Buffer.from([0xbe])), ['c: d']);
});

test('what our encoder writes is read back', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
  const value = fc.stringMatching(/^[!-~]{0,200}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (fields) => {
      const block = encodeHeaders(fields);
      const list = new HpackDecoder(1_000_000).decode(block, 0, block.length);
      assert.deepEqual(list.fields, fields.flat());
      assert.equal(list.malformed, false);
    }),
  );
});

test('A11 random bytes are decoded or refused, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const block = Buffer.from(bytes);
      try {
        new HpackDecoder(16_384).decode(block, 0, block.length);
      } catch (thrown) {
        assert.ok(compressionError(thrown), String(thrown));
      }
    }),
    { numRuns: 2000 },
  );
});
