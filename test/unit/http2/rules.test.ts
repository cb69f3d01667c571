import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Allowance } from '../../../gateway/http2/allowance.js';
import { isFieldName, isFieldValue, requestLine } from '../../../gateway/http2/header-fields.js';
import { Lifetime } from '../../../gateway/http2/lifetime.js';
import { FakeClock } from '../../support/fake-clock.js';

test('an allowance is its burst, and what time earns', () => {
  const clock = new FakeClock();
  const allowance = new Allowance(3, 10, clock.now());
  const takes = (count: number): number => {
    let taken = 0;
    for (let i = 0; i < count; i++) if (allowance.take(clock)) taken++;
    return taken;
  };
  assert.equal(takes(10), 3);
  clock.advance(100);
  assert.equal(takes(10), 1);
  clock.advance(60_000);
  assert.equal(takes(10), 3, 'never more than the burst');
});

test('names are tokens in lower case, values are text on one line', () => {
  for (const name of ['te', ':path', 'x-1', 'a.b_c']) assert.equal(isFieldName(name), true, name);
  for (const name of ['', ':', 'Te', 'a b', 'a:b', 'ä', 'a\0']) assert.equal(isFieldName(name), false, name);
  for (const value of ['', 'a', 'a b', 'ÿ']) assert.equal(isFieldValue(value), true, value);
  for (const value of [' a', 'a ', '\ta', 'a\nb', 'a\rb', '\0'])
    assert.equal(isFieldValue(value), false, value);
});

const LINE = [':method', 'POST', ':scheme', 'http', ':path', '/x', ':authority', 'h'];

/** Each is one rule of RFC 9113, section 8.2 or 8.3. */
const MALFORMED: readonly (readonly string[])[] = [
  [':method', 'POST', ':scheme', 'http'],
  [':method', 'POST', ':path', '/x'],
  [':scheme', 'http', ':path', '/x'],
  [':method', 'POST', ':scheme', 'http', ':path', ''],
  [...LINE, ':path', '/y'],
  [...LINE, ':status', '200'],
  [...LINE.slice(0, 4), 'a', 'b', ':path', '/x'],
  [...LINE, 'connection', 'close'],
  [...LINE, 'transfer-encoding', 'chunked'],
  [...LINE, 'te', 'gzip'],
  [...LINE, 'content-length', '-1'],
];

test('A9 a malformed request is seen as one', () => {
  for (const fields of MALFORMED) assert.equal(requestLine(fields), undefined, fields.join(' '));
  assert.deepEqual(requestLine([...LINE, 'te', 'trailers', 'content-length', '7']), {
    method: 'POST',
    path: '/x',
    authority: 'h',
    contentLength: 7,
  });
});

const LIMITS = {
  openingTimeoutMs: 5000,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  sendStallMs: 10_000,
  maxIdleMs: Number.POSITIVE_INFINITY,
  maxAgeMs: () => 300_000,
  maxAgeGraceMs: 30_000,
};
const IDLE = { open: 0, unread: 0 };

/** A connection that has greeted, and what a look at each of these instants says. */
function looks(...at: (readonly [ms: number, load?: { open: number; unread: number }])[]): string[] {
  const lifetime = new Lifetime(LIMITS, 0);
  lifetime.greeted = true;
  return at.map(([ms, load = IDLE]) => {
    const verdict = lifetime.check(ms, load);
    if (verdict === 'leave') lifetime.leave();
    if (verdict === 'refuse') lifetime.refusing = true;
    return verdict;
  });
}

test('A2 a connection that does not say what it is ends after its time', () => {
  const lifetime = new Lifetime(LIMITS, 0);
  assert.equal(lifetime.check(4999, IDLE), 'nothing');
  assert.equal(lifetime.check(5000, IDLE), 'silent');
});

test('A17 a silent peer is asked, and given up when it does not answer', () => {
  assert.deepEqual(looks([59_999], [60_000], [79_999], [80_000]), ['nothing', 'ping', 'nothing', 'destroy']);
});

test('a peer that answers is not given up', () => {
  const lifetime = new Lifetime(LIMITS, 0);
  lifetime.greeted = true;
  assert.equal(lifetime.check(60_000, IDLE), 'ping');
  lifetime.heard = true;
  assert.equal(lifetime.check(80_000, IDLE), 'nothing');
  assert.equal(lifetime.check(139_999, IDLE), 'nothing');
  assert.equal(lifetime.check(140_000, IDLE), 'ping');
});

test('A12 a peer that reads nothing of what waits for it is given up, one that reads a little is not', () => {
  const unread = (bytes: number) => ({ open: 1, unread: bytes });
  assert.deepEqual(looks([1000, unread(9)], [10_999, unread(9)], [11_000, unread(9)]), [
    'nothing',
    'nothing',
    'destroy',
  ]);
  assert.equal(looks([1000, unread(9)], [10_000, unread(8)], [19_999, unread(8)]).at(-1), 'nothing');
});

test('A18 an old connection is told to go, then refuses, and its calls get their grace', () => {
  const busy = { open: 1, unread: 0 };
  const lifetime = new Lifetime({ ...LIMITS, keepaliveTimeMs: 1e9 }, 0);
  lifetime.greeted = true;
  assert.equal(lifetime.check(300_000, busy), 'leave');
  assert.equal(lifetime.leave(), true);
  assert.equal(lifetime.leave(), false);
  assert.equal(lifetime.check(300_500, busy), 'nothing');
  assert.equal(lifetime.check(301_000, busy), 'refuse');
  lifetime.refusing = true;
  assert.equal(lifetime.check(329_999, busy), 'nothing');
  assert.equal(lifetime.check(330_000, busy), 'end', 'streams are told first');
  assert.equal(lifetime.check(334_999, busy), 'nothing');
  assert.equal(lifetime.check(335_000, busy), 'destroy');
});

test('a connection without a stream for too long is told to go', () => {
  const lifetime = new Lifetime({ ...LIMITS, maxIdleMs: 5000 }, 0);
  lifetime.greeted = true;
  assert.equal(lifetime.check(4000, { open: 1, unread: 0 }), 'nothing');
  assert.equal(lifetime.check(8999, IDLE), 'nothing');
  assert.equal(lifetime.check(9000, IDLE), 'leave');
});
