import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBaggage } from '../../../../gateway/telemetry/tracing/baggage.js';
import { readTraceContext } from '../../../../gateway/telemetry/tracing/trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

function traceBin(version = 0, length = 29): string {
  const bytes = Buffer.alloc(29);
  bytes[0] = version;
  bytes.write(TRACE, 2, 'hex');
  bytes[18] = 1;
  bytes.write(SPAN, 19, 'hex');
  bytes[27] = 2;
  bytes[28] = 1;
  return bytes.subarray(0, length).toString('base64');
}

test('a traceparent tells trace, span and whether it is recorded', () => {
  const context = (flags: string) =>
    readTraceContext(['a', 'b', 'traceparent', `00-${TRACE}-${SPAN}-${flags}`]);
  assert.deepEqual(context('01'), { traceId: TRACE, spanId: SPAN, sampled: true, state: '' });
  assert.equal(context('00')?.sampled, false);
  assert.equal(context('ff')?.sampled, true);
  assert.equal(context('02')?.sampled, false);
  assert.equal(readTraceContext(['user-agent', 'x']), undefined);
});

test('a later version may say more, the first one not', () => {
  assert.equal(readTraceContext(['traceparent', `cc-${TRACE}-${SPAN}-01-what-ever`])?.traceId, TRACE);
  assert.equal(readTraceContext(['traceparent', `00-${TRACE}-${SPAN}-01-what-ever`]), undefined);
  assert.equal(readTraceContext(['traceparent', `cc-${TRACE}-${SPAN}-01.x`]), undefined);
});

test('B38 a malformed traceparent is none', () => {
  const good = `00-${TRACE}-${SPAN}-01`;
  const bad = [
    '',
    'banana',
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    good.toUpperCase(),
    `${good},${good}`,
    `${good} `,
    `00-${TRACE}-${SPAN}`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${TRACE}0-${SPAN}-01`,
    '0'.repeat(100_000),
  ];
  for (const value of bad)
    assert.equal(readTraceContext(['traceparent', value]), undefined, value.slice(0, 80));
  assert.equal(readTraceContext(['traceparent', good, 'traceparent', good]), undefined);
  // Not even the binary form stands in for it: what its client meant is not known.
  assert.equal(readTraceContext(['traceparent', 'x', 'grpc-trace-bin', traceBin()]), undefined);
});

test('a tracestate is passed on, or dropped as a whole', () => {
  const state = (...values: string[]) =>
    readTraceContext(['traceparent', `00-${TRACE}-${SPAN}-01`, ...values.flatMap((v) => ['tracestate', v])])
      ?.state;
  assert.equal(state('a=1, b@c=2'), 'a=1,b@c=2');
  assert.equal(state('a=1', 'b=2'), 'a=1,b=2');
  assert.equal(state('a=1,,b=2'), 'a=1,b=2');
  assert.equal(state('a'), '');
  assert.equal(state('A=1'), '');
  assert.equal(state('a=\u0000'), '');
  assert.equal(state(Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(',')), '');
  assert.equal(state(`a=${'x'.repeat(250)},b=${'x'.repeat(250)},c=${'x'.repeat(250)}`), '');
});

test('B39 grpc-trace-bin is read, and ignored when short or of another version', () => {
  const read = (value: string) => readTraceContext(['grpc-trace-bin', value]);
  assert.deepEqual(read(traceBin()), { traceId: TRACE, spanId: SPAN, sampled: true, state: '' });
  assert.deepEqual(read(traceBin().replace(/=+$/, ''))?.traceId, TRACE);
  assert.equal(read(traceBin(1)), undefined);
  for (const length of [0, 1, 2, 17, 18, 27, 28])
    assert.equal(read(traceBin(0, length)), undefined, String(length));
  assert.equal(read(Buffer.alloc(29).toString('base64')), undefined);
});

test('baggage: the wanted keys, decoded; what is malformed is left out', () => {
  const read = (...values: string[]) =>
    Object.fromEntries(
      readBaggage(
        values.flatMap((v) => ['baggage', v]),
        ['user', 'tier'],
      ),
    );
  assert.deepEqual(read('user=a%20b;p=1, tier = gold ,other=x'), { user: 'a b', tier: 'gold' });
  assert.deepEqual(read('user=1', 'user=2'), { user: '1' });
  assert.deepEqual(read('user=%zz,tier=ok'), { tier: 'ok' });
  assert.deepEqual(read('user'), {});
  assert.deepEqual(read(`user=${'x'.repeat(9000)}`), {});
  assert.deepEqual([...readBaggage(['baggage', 'user=1'], [])], []);
});
