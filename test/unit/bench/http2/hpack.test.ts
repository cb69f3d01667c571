import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentDecode } from '../../../../bench/http2/answer-headers.js';
import { decodeHeaders } from '../../../../bench/http2/hpack-decode.js';
import { encodeHeaders, encodeInteger } from '../../../../gateway/http2/hpack-encode.js';
import { decodeHuffman } from '../../../../gateway/http2/hpack-huffman.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** RFC 7541, appendix C: what can be decoded without a dynamic table. */
const BLOCKS: readonly (readonly [section: string, block: string, fields: readonly string[]])[] = [
  [
    'C.2.1',
    '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
    ['custom-key: custom-header'],
  ],
  ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path']],
  ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret']],
  ['C.2.4', '82', [':method: GET']],
  [
    'C.3.1',
    '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  ],
  [
    'C.4.1',
    '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  ],
  [
    'C.5.1',
    '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    [
      ':status: 302',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
  ],
  [
    'C.6.1',
    '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    [
      ':status: 302',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
  ],
];

for (const [section, block, fields] of BLOCKS) {
  test(`decodes the block of RFC 7541 ${section}`, () => {
    const decoded = decodeHeaders(hex(block)).map(([name, value]) => `${name}: ${value}`);
    assert.deepEqual(decoded, fields);
  });
}

const STRINGS: readonly (readonly [section: string, coded: string, text: string])[] = [
  ['C.4.2', 'a8eb 1064 9cbf', 'no-cache'],
  ['C.4.3', '25a8 49e9 5ba9 7d7f', 'custom-key'],
  ['C.4.3', '25a8 49e9 5bb8 e8b4 bf', 'custom-value'],
  ['C.6.2', '640e ff', '307'],
  ['C.6.3', 'd07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff', 'Mon, 21 Oct 2013 20:13:22 GMT'],
  ['C.6.3', '9bd9 ab', 'gzip'],
  [
    'C.6.3',
    '94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];

for (const [section, coded, text] of STRINGS) {
  test(`decodes the Huffman string of RFC 7541 ${section}: ${text.slice(0, 20)}`, () => {
    const bytes = hex(coded);
    assert.equal(decodeHuffman(bytes, 0, bytes.length), text);
  });
}

test('writes the numbers of RFC 7541 C.1', () => {
  assert.deepEqual(encodeInteger(10, 5, 0), [0x0a]);
  assert.deepEqual(encodeInteger(1337, 5, 0), [0x1f, 0x9a, 0x0a]);
  assert.deepEqual(encodeInteger(42, 8, 0), [0x2a]);
});

test('what it encodes it decodes, and nothing of it would be kept in a table', () => {
  const fields: [string, string][] = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/inference.GRPCInferenceService/ModelInfer'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ['x-long', 'v'.repeat(5000)],
    ['x-empty', ''],
  ];
  const block = encodeHeaders(fields);
  assert.deepEqual(decodeHeaders(block), fields);
  assert.deepEqual([...block.subarray(0, 3)], [0x83, 0x86, 0x14], 'indexed, indexed, never indexed :path');
});

const BROKEN: readonly (readonly [why: string, block: string, message: RegExp])[] = [
  ['an index of the dynamic table, which the peer was told not to use', 'be', /index 62/],
  ['index 0', '80', /index 0/],
  ['a table size above the allowed 0', '3fe11f', /larger table/],
  ['a string that is longer than the block', '0a 0361', /cut short/],
  ['a number that never ends', 'ff ffff ffff ffff ffff', /too long/],
  ['a literal without a value', '04', /cut short/],
  ['Huffman padding of zeros', '0481 00', /padding/],
  ['the end-of-string symbol', '0484 ffff fffc', /end-of-string/],
];

for (const [why, block, message] of BROKEN) {
  test(`refuses a block with ${why}`, () => {
    assert.throws(() => decodeHeaders(hex(block)), message);
  });
}

test('a table size update to 0, which every server answers to our settings, is no field', () => {
  assert.deepEqual(decodeHeaders(hex('20 88')), [[':status', '200']]);
});

test('percentDecode reads UTF-8 and leaves what is no code alone', () => {
  assert.equal(percentDecode('plain'), 'plain');
  assert.equal(percentDecode('100%25 %E2%82%AC%0A'), '100% €\n');
  assert.equal(percentDecode('50% off, %zz'), '50% off, %zz');
});
