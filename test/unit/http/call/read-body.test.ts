import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import type { HttpCall } from '../../../../gateway/http/call/http-calls.js';
import { readBody } from '../../../../gateway/http/call/read-body.js';

const NO_BOUND = { hold: () => {} };

/** Reads chunks as a body: it, or the error that there is in its place. */
function read(
  chunks: readonly Uint8Array[],
  encoding?: string,
  { maxBytes = 1000, call = NO_BOUND as Pick<HttpCall, 'hold'> } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readBody(
      Readable.from(chunks, { objectMode: false }),
      encoding,
      call as HttpCall,
      maxBytes,
      (error, body) => {
        if (error === null) resolve(body as Buffer);
        else reject(error);
      },
    );
  });
}

const TEXT = Buffer.from('{"a":1}'.repeat(20));

test('a body, in one piece or in many, packed or not', async () => {
  const pieces = [TEXT.subarray(0, 3), TEXT.subarray(3, 50), TEXT.subarray(50)];
  assert.deepEqual(await read(pieces), TEXT);
  assert.deepEqual(await read([TEXT], 'identity'), TEXT);
  assert.deepEqual(await read([gzipSync(TEXT)], 'gzip'), TEXT);
  assert.deepEqual(await read([gzipSync(TEXT)], ' X-GZIP'), TEXT);
  assert.deepEqual(await read([deflateSync(TEXT)], 'deflate'), TEXT);
  assert.equal((await read([])).length, 0);
});

test('more than is taken is 413, however it comes', async () => {
  const tooLarge = { statusCode: 413, message: /larger than 100 bytes/ };
  await assert.rejects(read([TEXT], undefined, { maxBytes: 100 }), tooLarge);
  await assert.rejects(
    read([TEXT.subarray(0, 70), TEXT.subarray(70)], undefined, { maxBytes: 100 }),
    tooLarge,
  );
  // Packed it is small.
  await assert.rejects(read([gzipSync(Buffer.alloc(1e6))], 'gzip', { maxBytes: 10_000 }), {
    statusCode: 413,
  });
  assert.equal((await read([TEXT], undefined, { maxBytes: TEXT.length })).length, TEXT.length);
});

test('what is packed otherwise, or damaged, is refused', async () => {
  for (const encoding of ['br', 'zstd', 'gzip, gzip', '__proto__', 'constructor'])
    await assert.rejects(read([TEXT], encoding), {
      statusCode: 415,
      message: /wanted gzip, deflate or none/,
    });
  await assert.rejects(read([TEXT], 'gzip'), {
    code: 'INVALID_ARGUMENT',
    message: 'the body is no gzip, or damaged',
  });
  await assert.rejects(read([gzipSync(TEXT).subarray(0, 20)], 'gzip'), { code: 'INVALID_ARGUMENT' });
});

test('all of it is held, what it comes to when unpacked, too; where there is no room it is refused', async () => {
  let held = 0;
  const call = {
    hold: (bytes: number) => {
      held += bytes;
    },
  };
  const packed = gzipSync(TEXT);
  await read([packed], 'gzip', { call });
  assert.equal(held, packed.length + TEXT.length);
  const full = {
    hold: () => {
      throw new Error('full');
    },
  };
  await assert.rejects(read([TEXT], undefined, { call: full }), /full/);
});

test('a client that leaves in the middle is an error, told once', async () => {
  const stream = new Readable({ read: () => {} });
  let told = 0;
  readBody(stream, undefined, NO_BOUND as unknown as HttpCall, 1000, (error) => {
    assert.match(String(error), /aborted/);
    told++;
  });
  stream.push(TEXT);
  stream.destroy(new Error('aborted'));
  await new Promise((resolve) => stream.once('close', resolve));
  assert.equal(told, 1);
});
