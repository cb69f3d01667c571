/** The load generator against servers that are slow, full, broken, leaving or dead: all of it must be measurable. */
import assert from 'node:assert/strict';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import type { LoadResult } from '../../bench/contract.js';
import { LatencyCounts } from '../../bench/latency-counts.js';
import { runLoad } from '../../bench/run-load.js';
import { ModelInferResponseSchema } from '../../gateway/gen/inference/grpc_service_pb.js';
import { assertConsistent, planFor, template } from '../support/load-plans.js';
import { useRelay } from '../support/relay.js';
import { answer, refuse, type Script, useScriptedServer } from '../support/scripted-grpc.js';

const quantile = (result: LoadResult, q: number): number => LatencyCounts.from(result.latency).quantile(q);

const ENDINGS: readonly (readonly [
  sentence: string,
  script: Script,
  status: string,
  outcome: 'ok' | 'late' | 'refused' | 'failed',
  sample?: RegExp,
])[] = [
  ['an answer', (stream) => answer(stream), 'OK', 'ok'],
  ['REFUSED_STREAM', (stream) => stream.close(7), 'UNAVAILABLE', 'refused'],
  ['a cancelled stream', (stream) => stream.close(8), 'CANCELLED', 'failed', /reset the stream with error 8/],
  ['ENHANCE_YOUR_CALM', (stream) => stream.close(11), 'RESOURCE_EXHAUSTED', 'refused'],
  ['trailers alone', (stream) => refuse(stream, { 'grpc-status': '14' }), 'UNAVAILABLE', 'refused'],
  ['a missed deadline', (stream) => refuse(stream, { 'grpc-status': '4' }), 'DEADLINE_EXCEEDED', 'late'],
  [
    'an error in trailers after a message',
    (stream) => answer(stream, Buffer.from('x'), { 'grpc-status': '13', 'grpc-message': 'caf%C3%A9' }),
    'INTERNAL',
    'failed',
    /INTERNAL: café/,
  ],
  ['a proxy’s 503', (stream) => refuse(stream, { ':status': 503 }), 'UNAVAILABLE', 'refused'],
  ['no grpc-status', (stream) => refuse(stream, {}), 'INTERNAL', 'failed', /without grpc-status/],
  ['a status that is none', (stream) => refuse(stream, { 'grpc-status': '99' }), 'UNKNOWN', 'failed'],
];

for (const [sentence, script, status, outcome, sample] of ENDINGS) {
  test(`${sentence} counts as ${status}, ${outcome}`, async (t) => {
    const { port } = await useScriptedServer(t, script);
    const result = await runLoad(planFor(port, { maxCalls: 30, durationMs: 5000 }));
    assertConsistent(result);
    assert.deepEqual(result.counts.byStatus, { [status]: 30 });
    assert.equal(result.counts[outcome], 30, JSON.stringify(result.counts));
    if (sample) assert.match(result.samples.join('\n'), sample);
  });
}

test('messages of every printable character, Huffman-coded by nghttp2, come back as they are', async (t) => {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
  const statuses = [1, 2, 3, 5, 6, 7, 9, 10, 11, 12];
  // Ten characters a message; cheap ones behind them, so that the code is shorter than the text and is used.
  const messages = statuses.map(
    (_, i) => `${printable.slice(10 * i, 10 * i + 10).join('')}${'0'.repeat(200)}`,
  );
  const { port } = await useScriptedServer(t, (stream, { count }) => {
    const i = (count - 1) % statuses.length;
    const message = (messages[i] as string).replaceAll('%', '%25').replaceAll(' ', '%20');
    refuse(stream, { 'grpc-status': String(statuses[i]), 'grpc-message': message });
  });
  const { samples } = await runLoad(planFor(port, { maxCalls: statuses.length, durationMs: 5000 }));
  assert.deepEqual(
    samples.map((sample) => sample.replace(/^echo: [A-Z_]+: /, '')).sort(),
    [...messages].sort(),
  );
});

test('padding, and trailers that need CONTINUATION frames', async (t) => {
  const big = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`x-${i}`, 'v'.repeat(3000 + i)]));
  const { port } = await useScriptedServer(
    t,
    (stream) => answer(stream, Buffer.alloc(40_000), { 'grpc-status': '0', ...big }),
    { paddingStrategy: 1 },
  );
  const result = await runLoad(planFor(port, { maxCalls: 20 }));
  assertConsistent(result);
  assert.deepEqual(result.counts.byStatus, { OK: 20 }, result.samples.join());
});

test('a server that leaves after every 20 calls costs none of them', async (t) => {
  const server = await useScriptedServer(t, (stream, { count }) => {
    answer(stream);
    if (count % 20 === 0) stream.session?.close();
  });
  const result = await runLoad(planFor(server.port, { maxCalls: 400, durationMs: 10_000 }));
  assertConsistent(result);
  assert.equal(result.counts.ok, 400, JSON.stringify(result));
  assert.ok(server.connections() >= 10, `${server.connections()} connections`);
});

test('a connection that is killed costs the calls open on it, and the run goes on', async (t) => {
  const server = await useScriptedServer(t, (stream, { count }) => {
    if (count === 50) server.cut(stream);
    else answer(stream);
  });
  const result = await runLoad(planFor(server.port, { maxCalls: 300, durationMs: 10_000, connections: 2 }));
  assertConsistent(result);
  const { ok, failed, byStatus } = result.counts;
  assert.ok(failed >= 1 && failed <= 4, JSON.stringify(result.counts));
  assert.equal(byStatus['CONNECTION'], failed);
  assert.equal(ok, 300 - failed);
  assert.equal(server.connections(), 3);
});

test('while the server is gone calls fail as attempts to reach it fail, and it is found again', async (t) => {
  let started = (): void => {};
  const underWay = new Promise<void>((resolve) => {
    started = resolve;
  });
  const server = await useScriptedServer(t, (stream) => {
    started();
    answer(stream);
  });
  const relay = await useRelay(t, server.port);
  const run = runLoad(
    planFor(relay.port, { arrivals: { kind: 'constant', ratePerS: 200 }, durationMs: 1200 }),
  );
  // Its process may take a while to come up: a server that is gone then is an error of another kind.
  await underWay;
  await sleep(400);
  relay.vanish();
  await sleep(300);
  relay.listen();
  const result = await run;
  assertConsistent(result);
  const { ok, failed, byStatus } = result.counts;
  assert.ok(failed > 5, JSON.stringify(result.counts));
  assert.equal(byStatus['CONNECTION'], failed);
  assert.ok(ok > 60, JSON.stringify(result.counts));
});

test('a stall of 300 ms shows in the latency of an open loop, counted from the intended start', async (t) => {
  let until = 0;
  const server = await useScriptedServer(t, (stream, { count }) => {
    const now = performance.now();
    if (count === 50) until = now + 300;
    if (now >= until) answer(stream);
    else setTimeout(() => answer(stream), until - now);
  });
  const result = await runLoad(
    planFor(server.port, { arrivals: { kind: 'constant', ratePerS: 200 }, durationMs: 1000 }),
  );
  assertConsistent(result);
  assert.equal(result.counts.ok, 200);
  assert.ok(quantile(result, 0.99) > 250, `p99 ${quantile(result, 0.99)}`);
  // 60 calls fall into the stall and wait 150 ms on average; a generator that waits with it would have seen one.
  assert.ok(quantile(result, 0.8) > 50, `p80 ${quantile(result, 0.8)}`);
  assert.ok(quantile(result, 0.3) < 50, `p30 ${quantile(result, 0.3)}`);
});

test('a call that finds all streams taken waits, and its wait is latency but no lateness', async (t) => {
  const server = await useScriptedServer(t, (stream) => void setTimeout(() => answer(stream), 20));
  const result = await runLoad(
    planFor(server.port, {
      arrivals: { kind: 'constant', ratePerS: 100 },
      durationMs: 500,
      streamsPerConnection: 1,
      drainMs: 5000,
    }),
  );
  assertConsistent(result);
  assert.equal(result.counts.ok, 50);
  assert.equal(server.mostOpen(), 1);
  assert.ok(
    result.latency.maxMs > 400,
    `${result.latency.maxMs} ms: the last of 50 calls at 20 ms each, 10 ms apart`,
  );
  assert.ok(LatencyCounts.from(result.lateness).quantile(0.5) < 20);
});

test('what waits beyond its deadline is late and never sent', async (t) => {
  const server = await useScriptedServer(t, (stream) => void setTimeout(() => answer(stream), 50));
  const result = await runLoad(
    planFor(server.port, {
      arrivals: { kind: 'constant', ratePerS: 100 },
      durationMs: 500,
      streamsPerConnection: 1,
      deadlineMs: 80,
      drainMs: 5000,
    }),
  );
  assertConsistent(result);
  const { offered, ok, late, byStatus } = result.counts;
  assert.equal(ok + late, offered);
  const unsent = byStatus['DEADLINE_EXCEEDED'] ?? 0;
  assert.ok(unsent > 20, JSON.stringify(result.counts));
  assert.equal(server.requests(), offered - unsent);
});

test('what is open when the drain is over is unanswered', async (t) => {
  const server = await useScriptedServer(t, (stream, { count }) => {
    if (count <= 10) answer(stream);
  });
  const result = await runLoad(
    planFor(server.port, { arrivals: { kind: 'constant', ratePerS: 100 }, durationMs: 300, drainMs: 100 }),
  );
  assertConsistent(result);
  assert.deepEqual([result.counts.ok, result.counts.unanswered], [10, 20]);
});

test('the server’s limit on streams is kept', async (t) => {
  const server = await useScriptedServer(t, (stream) => void setTimeout(() => answer(stream), 5), {
    settings: { maxConcurrentStreams: 3 },
  });
  const result = await runLoad(
    planFor(server.port, { arrivals: { kind: 'closed', concurrency: 12 }, maxCalls: 60 }),
  );
  assertConsistent(result);
  assert.equal(result.counts.ok, 60);
  assert.equal(server.mostOpen(), 3);
});

test('grpc-timeout is sent, and an OK after the deadline is late', async (t) => {
  const seen = new Set<unknown>();
  const server = await useScriptedServer(t, (stream, { headers, count }) => {
    seen.add(headers['grpc-timeout']);
    assert.equal(headers['x-tenant'], 'blue');
    if (count % 2 === 0) answer(stream);
    else setTimeout(() => answer(stream), 300);
  });
  const result = await runLoad(
    planFor(server.port, {
      arrivals: { kind: 'closed', concurrency: 1 },
      maxCalls: 6,
      durationMs: 5000,
      deadlineMs: 200,
      metadata: [['x-tenant', 'blue']],
    }),
  );
  assertConsistent(result);
  assert.deepEqual([result.counts.ok, result.counts.late], [3, 3]);
  assert.deepEqual(result.counts.byStatus, { OK: 6 });
  assert.deepEqual([...seen], ['00000200m']);
});

test('1 MiB there and back, byte for byte, through windows of the server that are small', async (t) => {
  for (const [initialWindowSize, connections] of [
    [65_535, 1],
    [1000, 2],
    [2 ** 24, 1],
  ] as const) {
    const raw = new Uint8Array(1 << 20).map((_, i) => (i * 31) ^ (i >> 8));
    const body = toBinary(
      ModelInferResponseSchema,
      create(ModelInferResponseSchema, {
        outputs: [{ name: 'y', datatype: 'UINT8', shape: [1n << 20n] }],
        rawOutputContents: [raw],
      }),
    );
    const server = await useScriptedServer(t, (stream, request) => answer(stream, request.body.subarray(5)), {
      settings: { initialWindowSize },
    });
    const expect = [{ outputs: [{ name: 'y', datatype: 'UINT8', raw }], absolute: 0, relative: 0 }];
    const result = await runLoad(
      planFor(server.port, {
        templates: [template({ bodies: [body], expect }), template({ name: 'small' })],
        connections,
        maxCalls: 24,
        durationMs: 60_000,
      }),
    );
    assertConsistent(result);
    assert.equal(result.counts.ok, 24, JSON.stringify(result));
  }
});

test('a server that answers before it has read the request gets no more of it', async (t) => {
  // A scripted server looks at whole requests only: this one refuses at the headers.
  const refuser = createHttp2Server();
  refuser.on('session', (session) => session.on('error', () => {}));
  refuser.on('stream', (stream) => {
    stream.on('error', () => {});
    refuse(stream, { 'grpc-status': '8' });
  });
  await new Promise<void>((resolve) => refuser.listen(0, '127.0.0.1', resolve));
  t.after(() => refuser.close());
  const { port } = refuser.address() as { port: number };
  const result = await runLoad(
    planFor(port, {
      templates: [template({ bodies: [new Uint8Array(4 << 20)] })],
      maxCalls: 40,
      durationMs: 10_000,
    }),
  );
  assertConsistent(result);
  assert.deepEqual(result.counts.byStatus, { RESOURCE_EXHAUSTED: 40 });
});

test('a server that speaks no HTTP/2 rejects the run', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  await assert.rejects(runLoad(planFor(port)), /Cannot reach .*(HTTP\/2|closed)/);
});
