import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Datatype } from '../../../gateway/core/datatype.js';
import { GatewayError, MAX_MESSAGE_BYTES } from '../../../gateway/core/error.js';
import type { InferCall } from '../../../gateway/core/infer-call.js';
import type { Manifest } from '../../../gateway/core/manifest.js';
import { validate, validateCall } from '../../../gateway/serving/validate.js';
import { bytesData, call, countedLease, manifest, result, spec, tensor } from './make-call.js';

function refused(given: Partial<InferCall>, model: Manifest = manifest()): GatewayError {
  try {
    validateCall(call(given), model);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, 'INVALID_ARGUMENT', error.message);
    assert.equal(error.details.reason, 'bad_request');
    assert.ok(Buffer.byteLength(error.message) <= MAX_MESSAGE_BYTES);
    return error;
  }
  throw new assert.AssertionError({ message: 'expected a refusal' });
}

function assertRefused(given: Partial<InferCall>, field: string, text: string, model?: Manifest): void {
  const error = refused(given, model);
  assert.equal(error.message.slice(0, text.length + 17), `[request id: r1] ${text}`);
  assert.equal(error.details.field, field);
}

const two = manifest({ inputs: [spec('A', 'FP32', [-1, 2]), spec('B', 'FP32', [-1])] }, 'pair');
const fixed = manifest(
  { inputs: [spec('F', 'FP32', [2, -1])], outputs: [], batchable: false, maxBatchSize: 0 },
  'fixed',
);
const text = manifest({ inputs: [spec('S', 'BYTES', [-1, 1])] }, 'text');

test('what the signature says is let through', () => {
  validateCall(call(), manifest());
  validateCall(call({ inputs: [tensor('X', [8, 4])], outputs: ['probabilities'] }), manifest());
  // The order of inputs is the client's.
  validateCall(call({ inputs: [tensor('B', [3]), tensor('A', [3, 2])] }), two);
  const data = bytesData('', 'plain', 'Zoë — 雪', 'x'.repeat(100));
  validateCall(call({ inputs: [tensor('S', [4, 1], { datatype: 'BYTES', data })] }), text);
  // A scalar input, and a model that takes none.
  const scalar = manifest({ inputs: [spec('F', 'FP32', [])], batchable: false, maxBatchSize: 0 });
  validateCall(call({ inputs: [tensor('F', [])] }), scalar);
  validateCall(call({ inputs: [] }), manifest({ inputs: [], batchable: false, maxBatchSize: 0 }));
});

test('the request id stands in front, <id_unknown> for none, bounded and on one line for any', () => {
  assert.match(refused({ id: '', inputs: [] }).message, /^\[request id: <id_unknown>\] expected 1 inputs/);
  const hostile = refused({ id: `a\r\nb${'x'.repeat(100_000)}`, inputs: [] });
  assert.match(hostile.message, /^\[request id: a\\x0d\\x0abx+…\(100004 characters\)\] expected 1/);
});

test('C44 an unknown output is INVALID_ARGUMENT, and so is one that is requested twice', () => {
  assertRefused(
    { outputs: ['label', 'nope'] },
    'outputs[1].name',
    "unexpected inference output 'nope' for model 'iris'",
  );
  assertRefused({ outputs: ['label', 'label'] }, 'outputs[1].name', "output 'label' is requested twice");
});

test('C46 missing, extra, unexpected and duplicated inputs are refused with the field', () => {
  assertRefused(
    { inputs: [] },
    'inputs',
    "expected 1 inputs but got 0 inputs for model 'iris'. Got inputs [], but missing required inputs ['X']. Please provide all required inputs.",
  );
  assertRefused(
    { inputs: [tensor('X', [1, 4]), tensor('Y', [1])] },
    'inputs',
    "expected 1 inputs but got 2 inputs for model 'iris'. Got inputs ['X','Y'], of which ['Y'] are not inputs of the model.",
  );
  assertRefused(
    { inputs: [tensor('x', [1, 4])] },
    'inputs[0].name',
    "unexpected inference input 'x' for model 'iris', wanted ['X']",
  );
  assertRefused(
    { inputs: [tensor('A', [1, 2]), tensor('A', [1, 2])] },
    'inputs[1].name',
    "input 'A' already exists in request",
    two,
  );
  // A hundred thousand inputs make a short message.
  const many = Array.from({ length: 100_000 }, (_, i) => tensor(`input${i}`, [1]));
  assert.match(refused({ inputs: many }).message, /… 100000 names/);
});

test('C47 a datatype that is not the model’s is refused, BYTES to a number and unknown ones included', () => {
  for (const datatype of ['FP64', 'INT32', 'BYTES', 'FLOAT']) {
    assertRefused(
      { inputs: [tensor('X', [1, 4], { datatype: datatype as Datatype })] },
      'inputs[0].datatype',
      `inference input 'X' data-type is '${datatype}', but model 'iris' expects 'FP32'`,
    );
  }
});

test('C48 shapes that cannot be are refused: negative, wrong rank or size, overflowing, not numbers', () => {
  const unexpected = (wanted: string, got: string, model = 'iris', name = 'X') =>
    `unexpected shape for input '${name}' for model '${model}'. Expected ${wanted}, got ${got}.`;
  const rows: [string, readonly unknown[], string][] = [
    ['the rank is one less', [4], unexpected('[-1,4]', '[4]')],
    ['the rank is one more', [1, 1, 4], unexpected('[-1,4]', '[1,1,4]')],
    ['a fixed dimension differs', [1, 5], unexpected('[-1,4]', '[1,5]')],
    ['a fixed dimension is 0', [1, 0], unexpected('[-1,4]', '[1,0]')],
    ['no dimension at all', [], "input 'X' has no shape but model requires batch dimension for 'iris'"],
    [
      'a dimension is left variable',
      [-1, 4],
      "All input dimensions should be specified for input 'X' for model 'iris', got [-1,4]",
    ],
    ['a dimension is negative', [-2, 4], `${unexpected('[-1,4]', '[-2,4]')} Dimension 0 is not`],
    ['a dimension is a bigint', [2n, 4], `${unexpected('[-1,4]', '[2,4]')} Dimension 0 is not`],
    ['a dimension is beyond 2^53', [2 ** 53, 4], `${unexpected('[-1,4]', '[9007199254740992,4]')} Dim`],
    ['a dimension is no integer', [Number.NaN, 4], `${unexpected('[-1,4]', '[NaN,4]')} Dimension 0`],
    ['the rows overflow with the fixed part', [2 ** 52, 4], unexpected('[-1,4]', '[4503599627370496,4]')],
    [
      'a million dimensions',
      new Array(1e6).fill(1),
      unexpected('[-1,4]', `[${'1,'.repeat(16)}… 1000000 dimensions]`),
    ],
  ];
  for (const [sentence, shape, message] of rows) {
    try {
      assertRefused({ inputs: [tensor('X', shape)] }, 'inputs[0].shape', message);
    } catch (error) {
      throw new Error(sentence, { cause: error });
    }
  }
  const wide = manifest({ inputs: [spec('F', 'FP32', [-1, -1, -1])], batchable: false, maxBatchSize: 0 });
  for (const shape of [
    [2 ** 31, 2 ** 31, 1],
    [2 ** 31, 0, 2 ** 31],
  ]) {
    const { message } = refused({ inputs: [tensor('F', shape)] }, wide);
    assert.match(message, /Its dimensions multiply to 4611686018427387904: wanted at most 2\^53 - 1/);
  }
});

test('C48 a variable dimension may be 0 where it is not the batch', () => {
  validateCall(call({ inputs: [tensor('F', [2, 0])] }), fixed);
  assertRefused(
    { inputs: [tensor('F', [2, 0], { data: new Uint8Array(4) })] },
    'inputs[0].contents',
    "input byte size mismatch for input 'F' for model 'fixed'. Expected 0, got 4",
    fixed,
  );
});

test('C49 bytes that are not what datatype and shape say are refused', () => {
  for (const got of [0, 15, 17, 32]) {
    assertRefused(
      { inputs: [tensor('X', [1, 4], { data: new Uint8Array(got) })] },
      'inputs[0].contents',
      `input byte size mismatch for input 'X' for model 'iris'. Expected 16, got ${got}`,
    );
  }
  const vast = { inputs: [tensor('F', [2, 2 ** 51])] };
  const message =
    "input byte size mismatch for input 'F' for model 'fixed'. Expected 18014398509481984, got 16";
  assertRefused(vast, 'inputs[0].contents', message, fixed);
});

test('C50 an empty batch is INVALID_ARGUMENT', () => {
  const message = "inference request batch-size must be >= 1 for 'iris'";
  assertRefused({ inputs: [tensor('X', [0, 4])] }, 'inputs[0].shape', message);
});

test('C51 a batch above max_batch_size is INVALID_ARGUMENT, and all inputs have the same rows', () => {
  const message = "inference request batch-size must be <= 8 for 'iris'";
  assertRefused({ inputs: [tensor('X', [9, 4])] }, 'inputs[0].shape', message);
  assertRefused(
    { inputs: [tensor('A', [3, 2]), tensor('B', [2])] },
    'inputs[1].shape',
    "input 'B' batch size does not match other inputs for 'pair'",
    two,
  );
});

test('C54 a BYTES element that the runtime would cut or mangle is refused by its number', () => {
  const subject = "for inference input 'S' for model 'text'";
  const long = 'é'.repeat(60);
  const rows: [string, Uint8Array, string][] = [
    ['a NUL inside', bytesData('ok', 'a\0b'), `element 1 ${subject} has a NUL byte at offset 1`],
    [
      'a NUL in a long one',
      bytesData(`${long}\0`, 'ok'),
      `element 0 ${subject} has a NUL byte at offset 120`,
    ],
    ['invalid UTF-8', bytesData('ok', new Uint8Array([0xff])), `element 1 ${subject} is not valid UTF-8`],
    ['a cut code point', bytesData(new Uint8Array([0xc3]), 'a'), `element 0 ${subject} is not valid UTF-8`],
    ['one too few', bytesData('ok'), `expected 2 string elements ${subject}, got 1`],
    [
      'one too many',
      bytesData('a', 'b', 'c'),
      `unexpected number of string elements 3 ${subject}, expecting 2`,
    ],
    [
      'a cut length',
      bytesData('a', 'b').subarray(0, 8),
      `incomplete string length indicator ${subject}, expecting 4 bytes but only 3 bytes available, at element 1`,
    ],
    [
      'a length one past the end',
      bytesData('a', 'bc').subarray(0, 10),
      `incomplete string data ${subject}, expecting string of length 2 but only 1 bytes available, at element 1`,
    ],
    [
      'a length far past the end',
      Buffer.from([0xff, 0xff, 0xff, 0xff, 1]),
      `incomplete string data ${subject}, expecting string of length 4294967295 but only 1 bytes available, at element 0`,
    ],
  ];
  for (const [sentence, data, message] of rows) {
    const inputs = [tensor('S', [2, 1], { datatype: 'BYTES', data })];
    try {
      assertRefused({ inputs }, 'inputs[0].contents', message, text);
    } catch (error) {
      throw new Error(sentence, { cause: error });
    }
  }
});

test('an input that its model does not look into takes any bytes, but of the right number and lengths', () => {
  const blobs = manifest({ inputs: [{ ...spec('S', 'BYTES', [-1, 1]), opaque: true }] }, 'blobs');
  const take = (data: Uint8Array) =>
    validateCall(call({ inputs: [tensor('S', [2, 1], { datatype: 'BYTES', data })] }), blobs);
  take(bytesData('a\0b', new Uint8Array([0xff, 0, 0xc3])));
  take(bytesData('', new Uint8Array(100).fill(0x80)));
  assert.throws(() => take(bytesData('a\0b')), /expected 2 string elements .* got 1/);
  assert.throws(() => take(bytesData('a', 'bc').subarray(0, 10)), /at element 1/);
});

test('an unaligned view is read from where it begins', () => {
  const whole = Buffer.concat([Buffer.from([9, 9, 9]), bytesData('a', 'b')]);
  const data = new Uint8Array(whole.buffer, whole.byteOffset + 3, whole.length - 3);
  validateCall(call({ inputs: [tensor('S', [2, 1], { datatype: 'BYTES', data })] }), text);
});

test('the layer hands on what is valid, and nothing else', async () => {
  let passed = 0;
  const layer = validate(async () => {
    passed++;
    return result();
  });
  const lease = countedLease();
  assert.equal((await layer(call(), lease)).version, 2);
  await assert.rejects(layer(call({ inputs: [] }), lease), { code: 'INVALID_ARGUMENT' });
  assert.equal(passed, 1);
});

test('C53 a BOOL byte other than 0 and 1 is refused by its number, wherever it is and however the bytes lie', () => {
  const flags = manifest({ inputs: [spec('B', 'BOOL', [-1, -1])] }, 'flags');
  for (const length of [1, 7, 63, 64, 65, 200]) {
    for (const offset of [0, 1, 2, 3]) {
      const data = new Uint8Array(length + offset).subarray(offset).fill(1);
      const inputs = [tensor('B', [1, length], { datatype: 'BOOL', data })];
      validateCall(call({ inputs }), flags);
      for (const at of new Set([0, length >> 1, length - 1])) {
        data[at] = 2;
        const message = `element ${at} for inference input 'B' for model 'flags' is the byte 2, which is no BOOL: wanted 0 or 1`;
        assertRefused({ inputs }, 'inputs[0].contents', message, flags);
        data[at] = 1;
      }
    }
  }
  const none = [tensor('B', [1, 0], { datatype: 'BOOL', data: new Uint8Array(5).subarray(3, 3) })];
  validateCall(call({ inputs: none }), flags);
});
