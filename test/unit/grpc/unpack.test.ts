import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { GatewayError } from '../../../gateway/core/error.js';
import { Unpacker } from '../../../gateway/grpc/unpack.js';

const yes = (): boolean => true;
const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    error instanceof GatewayError && error.code === wanted;

test('messages are unpacked by either encoding', async () => {
  const unpacker = new Unpacker(1000);
  const message = Buffer.from('hello');
  assert.deepEqual(await unpacker.unpack(gzipSync(message), 'gzip', yes), message);
  assert.deepEqual(await unpacker.unpack(deflateSync(message), 'deflate', yes), message);
});

test('B27 many bombs at a time: four are unpacked, the others wait their turn, and each is refused', async () => {
  const unpacker = new Unpacker(2 ** 20);
  const bomb = gzipSync(Buffer.alloc(8 * 2 ** 20));
  let most = 0;
  const ends = Array.from({ length: 20 }, () =>
    assert.rejects(
      unpacker.unpack(bomb, 'gzip', () => {
        most = Math.max(most, unpacker.running);
        return true;
      }),
      code('RESOURCE_EXHAUSTED'),
    ),
  );
  assert.equal(unpacker.running, 4);
  await Promise.all(ends);
  assert.equal(most, 4);
  assert.equal(unpacker.running, 0);
});

test('what nobody waits for any more is not unpacked, and a broken one frees its place', async () => {
  const unpacker = new Unpacker(1000);
  assert.equal(await unpacker.unpack(Buffer.from('no gzip'), 'gzip', () => false), undefined);
  await assert.rejects(unpacker.unpack(Buffer.from('no gzip'), 'gzip', yes), code('INTERNAL'));
  assert.equal(unpacker.running, 0);
});
