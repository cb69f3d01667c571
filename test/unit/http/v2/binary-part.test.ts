import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLength, takeBinary } from '../../../../gateway/http/v2/binary-part.js';

test('the length of the JSON: all of the body where nothing is said, never more than it', () => {
  assert.equal(jsonLength(undefined, 10), 10);
  assert.equal(jsonLength('0', 10), 0);
  assert.equal(jsonLength('10', 10), 10);
  for (const header of ['11', '-1', '1.5', '0x4', '', ' 4', '9'.repeat(20)])
    assert.throws(
      () => jsonLength(header, 10),
      /unable to parse Inference-Header-Content-Length: .* of 10 bytes/,
      header,
    );
});

test('tensors are taken one behind the other, as views', () => {
  const part = { bytes: Buffer.from('{}abcd'), at: 2 };
  const first = takeBinary(part, 3n, 'X', 0);
  assert.equal(Buffer.from(first).toString(), 'abc');
  assert.equal(first.buffer, part.bytes.buffer);
  assert.equal(part.at, 5);
  assert.equal(takeBinary(part, 0n, 'Y', 1).length, 0);
  for (const size of [2n, -1n, 1, '1', true])
    assert.throws(
      () => takeBinary(part, size, 'Z', 2),
      /'binary_data_size' of input 'Z' is .* of which 1 are left/,
    );
  assert.equal(part.at, 5);
});
