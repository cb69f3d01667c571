import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPENING_BYTES, SilentSockets, type Speaker } from '../../../gateway/grpc/silent-sockets.js';

function speaker(bytesRead: number): Speaker & { closed: boolean } {
  const socket = {
    bytesRead,
    closed: false,
    destroy: () => {
      socket.closed = true;
      return socket as never;
    },
  };
  return socket;
}

test('to make room the oldest silent one goes; those that spoke or left are let be', () => {
  const silent = new SilentSockets();
  const [spoke, gone, old, young] = [
    speaker(OPENING_BYTES),
    speaker(0),
    speaker(OPENING_BYTES - 1),
    speaker(0),
  ];
  for (const socket of [spoke, gone, old, young]) silent.add(socket);
  silent.remove(gone);
  assert.equal(silent.evict(), true);
  assert.deepEqual([spoke.closed, gone.closed, old.closed, young.closed], [false, false, true, false]);
  assert.equal(silent.evict(), true);
  assert.equal(young.closed, true);
  assert.equal(silent.evict(), false);
});
