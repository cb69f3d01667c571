/** Calls that are turned away at their headers, over our own HTTP/2. What decides is tested with the doorman. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../gateway/core/clock.js';
import { GatewayError } from '../../gateway/core/error.js';
import type { UnaryHandler } from '../../gateway/core/transport.js';
import { ECHO, echo, hello, start, unary } from '../support/grpc-echo.js';
import { frame, type RawAnswer, type RawClient } from '../support/raw-grpc.js';

const INFER = '/test.Echo/Infer';
const WINDOW_MS = 100;

/** A method that always finds the queue full, and how often it was called. */
function full() {
  const counts = { handled: 0 };
  const handler: UnaryHandler = async () => {
    counts.handled++;
    throw new GatewayError('UNAVAILABLE', 'full', { reason: 'queue_full', retryAfterMs: 7 });
  };
  return { counts, method: { ...unary(handler, INFER), sheddable: true } };
}

/** Time that goes on by windows only; timers are real. */
function leapingClock() {
  let nowMs = 1000;
  const clock = { ...systemClock, now: () => nowMs };
  const leap = (): void => {
    nowMs += WINDOW_MS;
  };
  return { clock, leap };
}

function flood(client: RawClient, path: string, calls: number): Promise<RawAnswer[]> {
  return Promise.all(Array.from({ length: calls }, () => client.call(path, frame(hello))));
}

test('a busy front end refuses calls of a full server unread, with push-back, and counts them', async (t) => {
  const { counts, method } = full();
  const { clock, leap } = leapingClock();
  const told: string[] = [];
  const recorder = { dropped: () => {}, refused: (...what: unknown[]) => void told.push(what.join(' ')) };
  const { client } = await start(t, [echo, method], { clock, utilisation: () => 1, recorder });
  await flood(client, INFER, 50);
  assert.equal(counts.handled, 50, 'nothing is known yet');
  leap();
  const answers = await flood(client, INFER, 200);
  const unread = answers.filter(({ message }) => message.startsWith('the server is too busy to read'));
  assert.ok(unread.length > 150, `${unread.length} of 200`);
  assert.equal(counts.handled, 250 - unread.length);
  assert.deepEqual([...new Set(told)], ['_OTHER 0 front_end']);
  assert.equal(told.length, unread.length);
  for (const { status, headers, resetCode } of answers) {
    assert.equal(status, 14);
    assert.equal(headers['grpc-retry-pushback-ms'], headers['grpc-message']?.includes('busy') ? '100' : '7');
    assert.ok(headers['grpc-status-details-bin'] !== undefined);
    assert.equal(resetCode, 0);
  }
  // What is no load is answered as ever.
  for (const { status } of await flood(client, ECHO, 50)) assert.equal(status, 0);
});

for (const [says, options] of [
  ['while there is time to read them', { utilisation: () => 0.5 }],
  ['where that is switched off', { utilisation: () => 1, earlyRefusal: false }],
] as const) {
  test(`no call is refused unread ${says}`, async (t) => {
    const { counts, method } = full();
    const { clock, leap } = leapingClock();
    const { client } = await start(t, [method], { clock, ...options });
    for (let window = 0; window < 3; window++) {
      await flood(client, INFER, 50);
      leap();
    }
    assert.equal(counts.handled, 150);
  });
}
