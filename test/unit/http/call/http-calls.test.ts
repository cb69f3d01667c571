import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { HttpCalls } from '../../../../gateway/http/call/http-calls.js';

/** As much of a response as a call listens to. */
function fakeResponse(): { response: ServerResponse; close(ended: boolean): void } {
  const events = new EventEmitter();
  const response = Object.assign(events, { writableEnded: false }) as unknown as ServerResponse;
  const close = (ended: boolean): void => {
    Object.assign(events, { writableEnded: ended });
    events.emit('close');
  };
  return { response, close };
}

const calls = (maxOpenCalls = 2, maxHeldBytes = 100) => new HttpCalls({ maxOpenCalls, maxHeldBytes });

test('as many calls as are allowed; one that has its answer makes room', () => {
  const taken = calls();
  const first = fakeResponse();
  taken.begin(first.response);
  taken.begin(fakeResponse().response);
  const refused = {
    code: 'UNAVAILABLE',
    message: /at most 2 are|as many calls as it takes over HTTP, at most 2/,
  };
  assert.throws(() => taken.begin(fakeResponse().response), refused);
  first.close(true);
  taken.begin(fakeResponse().response);
});

test('a client that leaves before its answer cancels its call, one that has it does not', () => {
  const taken = calls();
  const [early, late] = [fakeResponse(), fakeResponse()];
  const left = taken.begin(early.response);
  const answered = taken.begin(late.response);
  early.close(false);
  late.close(true);
  assert.deepEqual([left.cancellation.cancelled, answered.cancellation.cancelled], [true, false]);
});

test('bytes of all calls together are bounded, but one that is alone fits; they are given back at its end', () => {
  const taken = calls();
  const large = fakeResponse();
  taken.begin(large.response).hold(500);
  const other = taken.begin(fakeResponse().response);
  assert.throws(() => other.hold(1), { code: 'UNAVAILABLE', message: /byte budget .* 100 bytes/ });
  large.close(true);
  other.hold(60);
  other.hold(40);
  assert.throws(() => other.hold(1), /byte budget/);
});

test('a drain refuses what is new and ends with the last call', async () => {
  const taken = calls();
  const open = fakeResponse();
  taken.begin(open.response);
  let drained = false;
  const drain = taken.drain().then(() => {
    drained = true;
  });
  assert.throws(() => taken.begin(fakeResponse().response), {
    code: 'UNAVAILABLE',
    message: /shutting down/,
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(drained, false);
  open.close(true);
  await drain;
  await calls().drain();
});
