import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { encodeInfer, inferRequest } from '../../bench/targets/oip.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import type { Gateway } from '../../gateway/gateway.js';
import {
  TraceSettingRequestSchema,
  TraceSettingResponseSchema,
} from '../../gateway/gen/inference/grpc_service_pb.js';
import { STATUS_NUMBER } from '../../gateway/grpc/status.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { type OtlpReceiver, type ReceivedSpan, useReceiver } from '../support/otlp/receiver.js';
import { answerOf, frame, type RawAnswer, RawClient } from '../support/raw-grpc.js';
import type { RunningGateway } from '../support/use-gateway.js';
import { useWaiting } from '../support/waiting-server.js';

/** The names of gRPC's status codes, by number. */
const CODES = Object.fromEntries(Object.entries(STATUS_NUMBER).map(([name, number]) => [number, name]));

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const STREAM = '/inference.GRPCInferenceService/ModelStreamInfer';
const LIVE = '/inference.GRPCInferenceService/ServerLive';
const MODELS = { wait: { costMs: { fixed: 20 } } };

/** A server that sends its traces to a receiver at once. */
async function traced(
  t: TestContext,
  receiver: OtlpReceiver,
  trace: NonNullable<Settings['trace']> = {},
  settings: Settings = {},
): Promise<RunningGateway & { client: RawClient }> {
  const running = await useWaiting(t, MODELS, {
    ...settings,
    trace: {
      exporter: 'otlp',
      protocol: 'grpc',
      endpoint: `http://127.0.0.1:${receiver.grpcPort}`,
      exportDelayMs: 5,
      slowMs: 60_000,
      ...trace,
    },
  });
  const client = new RawClient(running.grpcPort);
  t.after(() => client.close());
  return { ...running, client };
}

function row(first = 1, id = '', model = 'wait'): Buffer {
  const data = new Uint8Array(Float32Array.of(first, 2, 3, 4).buffer);
  return frame(
    encodeInfer({ ...inferRequest(model, '', [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }]), id }),
  );
}

function parent(number: number, flags = '01'): Record<string, string> {
  const digits = number.toString(16);
  return { traceparent: `00-${digits.padStart(32, 'a')}-${digits.padStart(16, 'b')}-${flags}` };
}

/** Sends rows that run as one batch. */
async function together(gateway: Gateway, client: RawClient, rows: readonly Buffer[]): Promise<RawAnswer[]> {
  gateway.batcher.hold();
  const calls = rows.map((body, i) => client.call(INFER, body, { ...parent(i + 1), tracestate: 'x=1' }));
  while (gateway.batcher.stats().entries < rows.length) await new Promise((r) => setImmediate(r));
  gateway.batcher.release();
  return Promise.all(calls);
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan[] =>
  spans.filter((span) => span.name === name);
const servers = (spans: readonly ReceivedSpan[]): ReceivedSpan[] =>
  spans.filter(({ kind }) => kind === 'server');

function within(inner: ReceivedSpan, outer: ReceivedSpan): void {
  const late = inner.startMs + inner.durationMs - (outer.startMs + outer.durationMs);
  assert.ok(
    inner.startMs >= outer.startMs - 0.01 && late <= 0.01,
    `${inner.name} is not within ${outer.name}`,
  );
}

for (const isolation of ['thread', 'process'] as const)
  test(`three calls in one batch, workers as ${isolation}: a server span and a queue span each, one batch linked to all, its run as measured in the worker; two attempts where workers end`, async (t) => {
    const receiver = await useReceiver(t);
    const { gateway, client } = await traced(t, receiver, {}, { workers: { isolation } });
    const answers = await together(gateway, client, [row(1, 'a'), row(2, 'b'), row(3, 'c')]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [0, 0, 0],
    );
    const spans = await receiver.until(
      (all) => servers(all).length === 3 && named(all, 'run').length === 1 && all,
    );
    assert.equal(spans.length, 8);
    const calls = servers(spans);
    for (const call of calls) {
      const { attributes } = call;
      assert.equal(call.name, INFER.slice(1));
      assert.equal(attributes['rpc.system.name'], 'grpc');
      assert.equal(attributes['rpc.method'], INFER.slice(1));
      assert.equal(attributes['rpc.status_code'], 'OK');
      assert.equal(attributes['sluice.model'], 'wait');
      assert.equal(attributes['network.peer.address'], '127.0.0.1');
      assert.match(call.traceId, /^a+[123]$/);
      assert.match(call.parentSpanId, /^b+[123]$/);
      assert.deepEqual([call.remoteParent, call.state, call.error], [true, 'x=1', undefined]);
      const [queue] = named(spans, 'queue').filter(({ parentSpanId }) => parentSpanId === call.spanId);
      assert.ok(queue);
      assert.equal(queue.traceId, call.traceId);
      within(queue, call);
      assert.ok(Math.abs(queue.durationMs - Number(attributes['sluice.queue.ms'])) < 0.01);
    }
    const [batch] = named(spans, 'batch') as [ReceivedSpan];
    assert.deepEqual([...batch.links].sort(), calls.map(({ spanId }) => spanId).sort());
    const home = calls.find(({ spanId }) => spanId === batch.parentSpanId) as ReceivedSpan;
    within(batch, home);
    for (const other of calls.filter((call) => call !== home)) assert.deepEqual(other.links, [batch.spanId]);
    assert.equal(batch.attributes['sluice.batch.requests'], 3);
    const [run] = named(spans, 'run') as [ReceivedSpan];
    within(run, batch);
    assert.ok(run.durationMs >= 19 && run.durationMs < batch.durationMs, `${run.durationMs} ms`);
    const {
      'sluice.actual.ms': actual,
      'sluice.queue.ms': queued,
      'sluice.worker': worker,
      ...rest
    } = run.attributes;
    assert.ok(Math.abs(Number(actual) - run.durationMs) < 0.01 && Number(queued) > 0 && Number(worker) <= 1);
    delete (rest as Record<string, unknown>)['sluice.predicted.ms'];
    assert.deepEqual(rest, {
      'sluice.model': 'wait',
      'sluice.version': 1,
      'sluice.batch.closed': 'idle',
      'sluice.batch.rows': 3,
      'sluice.batch.requests': 3,
      'sluice.attempt': 1,
      'sluice.outcome': 'success',
    });
    assert.equal(run.resource['service.name'], 'sluice');

    receiver.spans.length = 0;
    const [, good] = await together(gateway, client, [row(commandOf('exit')), row(7)]);
    assert.equal(good?.status, 0);
    await receiver.until((all) => servers(all).length === 2);
    const runs = named(receiver.spans, 'run').sort(
      (a, b) => Number(a.attributes['sluice.attempt']) - Number(b.attributes['sluice.attempt']),
    );
    const attempts = runs.map(({ attributes, error }) => [
      attributes['sluice.attempt'],
      attributes['sluice.outcome'],
      error !== undefined,
    ]);
    assert.deepEqual(attempts.slice(0, 2), [
      [1, 'fault', true],
      [2, 'fault', true],
    ]);
    assert.ok(
      attempts.some(([attempt, outcome]) => outcome === 'success' && Number(attempt) >= 3),
      JSON.stringify(attempts),
    );
    const workers = runs.slice(0, 2).map(({ attributes }) => attributes['sluice.worker']);
    assert.notEqual(workers[0], workers[1]);
  });

test('B22 B38 B39 every call has exactly one server span with the status that its client saw: also refused, cancelled, expired, unknown and malformed ones', async (t) => {
  const receiver = await useReceiver(t);
  // Nothing is sampled: what failed is kept, the one that went well is sampled by its client.
  const { client, gateway } = await traced(t, receiver, { sampler: 'parentbased_always_off' });
  const expect: [code: string | undefined, name: string][] = [];
  const send = async (
    code: string | undefined,
    path: string,
    body: Buffer,
    headers: Record<string, string | undefined> = {},
    name = path.slice(1),
  ): Promise<RawAnswer> => {
    expect.push([code, name]);
    const answer = await client.call(path, body, headers);
    if (answer.status !== undefined)
      assert.equal(code, answer.status === 0 ? 'OK' : CODES[answer.status], path);
    return answer;
  };
  await send('OK', INFER, row(), parent(9));
  await send('OK', LIVE, frame(Buffer.alloc(0)), parent(9));
  await send('UNIMPLEMENTED', '/no.Such/Method', row(), {}, '_OTHER');
  await send('UNIMPLEMENTED', '/../../x', row(), {}, '_OTHER');
  await send('INTERNAL', INFER, frame(Buffer.from('nonsense')));
  await send('INTERNAL', INFER, Buffer.from([0, 0, 0, 0, 9, 1]));
  await send('INVALID_ARGUMENT', INFER, row(1, '', 'nobody'.repeat(1000)));
  await send('DEADLINE_EXCEEDED', INFER, row(), { 'grpc-timeout': '1n' });
  await send('DEADLINE_EXCEEDED', INFER, row(), { 'grpc-timeout': '5m' });
  await send('INTERNAL', INFER, row(), { 'grpc-timeout': 'banana' });
  await send('INVALID_ARGUMENT', INFER, row(), { 'x-bin': '*' });
  await send('UNIMPLEMENTED', INFER, row(), { 'grpc-encoding': 'zstd' });
  await send(undefined, INFER, row(), { 'content-type': 'application/json' });
  await send('INTERNAL', INFER, row(), { te: undefined });
  await send('UNIMPLEMENTED', INFER, Buffer.alloc(0));
  await send('RESOURCE_EXHAUSTED', INFER, row(), { 'x-long': 'y'.repeat(20_000) });
  // A malformed context is a new root, and no fault of the call's.
  for (const traceparent of ['banana', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, 'ff-0-0-01'])
    assert.equal((await client.call(LIVE, frame(Buffer.alloc(0)), { traceparent })).status, 0);
  assert.equal((await client.call(LIVE, frame(Buffer.alloc(0)), { 'grpc-trace-bin': 'AAAA' })).status, 0);
  await send('NOT_FOUND', INFER, row(1, '', 'nobody'), { traceparent: 'banana', 'grpc-trace-bin': 'AAAA' });
  expect.push(['CANCELLED', INFER.slice(1)]);
  const left = client.open(INFER, { 'grpc-timeout': '5S' });
  gateway.batcher.hold();
  left.end(row());
  const over = answerOf(left);
  while (gateway.batcher.stats().entries === 0) await new Promise((r) => setImmediate(r));
  left.close(8);
  await over;
  gateway.batcher.release();

  // All that there are, and none that comes later.
  await gateway.stop();
  const spans = servers(receiver.spans);
  const seen = spans.map(({ name, attributes }) => [attributes['rpc.status_code'], name]);
  const sorted = (list: readonly unknown[]): string[] => list.map((each) => JSON.stringify(each)).sort();
  assert.deepEqual(sorted(seen), sorted(expect.map(([code, name]) => [code, name])));
  for (const span of spans) {
    const code = span.attributes['rpc.status_code'];
    const faults = ['UNIMPLEMENTED', 'INTERNAL', 'DEADLINE_EXCEEDED', 'UNAVAILABLE'];
    assert.equal(span.error !== undefined, faults.includes(String(code)), `${code}`);
    assert.ok(Object.values(span.attributes).every((value) => String(value).length <= 256));
    if (span.name === '_OTHER')
      assert.ok(['/no.Such/Method', '/../../x'].includes(String(span.attributes['rpc.method_original'])));
    if (code === undefined) assert.equal(span.attributes['http.response.status_code'], 415);
    if (!/^a+9$/.test(span.traceId)) assert.equal(span.parentSpanId, '');
  }
});

test('a stream is one server span, and each of its requests a span within it', async (t) => {
  const receiver = await useReceiver(t);
  const { client } = await traced(t, receiver);
  const { status, messages } = await client.call(
    STREAM,
    Buffer.concat([row(1, 'one'), row(2, 'two', 'nobody')]),
    parent(5),
  );
  assert.deepEqual([status, messages.length], [0, 2]);
  const spans = await receiver.until(
    (all) => servers(all).length === 1 && named(all, 'run').length === 1 && all,
  );
  const [stream] = servers(spans) as [ReceivedSpan];
  assert.equal(stream.attributes['rpc.status_code'], 'OK');
  const requests = named(spans, `${STREAM.slice(1)} request`);
  assert.deepEqual(
    requests.map(({ attributes }) => [attributes['sluice.request.id'], attributes['error.type']]).sort(),
    [
      ['one', undefined],
      ['two', 'NOT_FOUND'],
    ],
  );
  for (const request of requests)
    assert.deepEqual([request.parentSpanId, request.traceId], [stream.spanId, stream.traceId]);
});

test('H106 a collector that is down, slow, refuses, hangs or rejects some costs spans, and no call; the end waits for it no longer than it may', async (t) => {
  const receiver = await useReceiver(t);
  for (const manner of ['down', 'slow', 'refuses', 'hangs', 'rejects some'] as const)
    for (const protocol of ['grpc', 'http/protobuf'] as const) {
      receiver.manner = manner === 'down' ? 'takes' : manner;
      const port = manner === 'down' ? 9 : protocol === 'grpc' ? receiver.grpcPort : receiver.httpPort;
      const { gateway, client } = await traced(t, receiver, {
        protocol,
        endpoint: `http://127.0.0.1:${port}${protocol === 'grpc' ? '' : '/v1/traces'}`,
        ...{ maxQueueSpans: 20, maxExportSpans: 5, exportTimeoutMs: 200, flushMs: 300 },
      });
      const calls = Array.from({ length: 60 }, () => client.call(LIVE, frame(Buffer.alloc(0))));
      assert.ok((await Promise.all(calls)).every(({ status }) => status === 0));
      const since = process.hrtime.bigint();
      await gateway.stop();
      const tookMs = Number(process.hrtime.bigint() - since) / 1e6;
      assert.ok(tookMs < 3000, `${manner} ${protocol}: ${tookMs} ms`);
    }
});

test('OTLP over HTTP, in both of its forms; what waits when the server ends is sent', async (t) => {
  const receiver = await useReceiver(t);
  for (const protocol of ['http/protobuf', 'http/json'] as const) {
    const { gateway, client } = await traced(t, receiver, {
      protocol,
      endpoint: `http://127.0.0.1:${receiver.httpPort}/v1/traces`,
      exportDelayMs: 60_000,
      serviceName: protocol,
      resourceAttributes: ['deployment.environment.name=a%20b'],
    });
    await client.call(INFER, row(), { ...parent(3), baggage: 'user=me' });
    await gateway.stop();
    const spans = receiver.spans.splice(0);
    assert.deepEqual(spans.map(({ name }) => name).sort(), ['batch', INFER.slice(1), 'queue', 'run'].sort());
    assert.equal(receiver.headers['path'], '/v1/traces');
    for (const { resource } of spans) {
      assert.equal(resource['service.name'], protocol);
      assert.equal(resource['deployment.environment.name'], 'a b');
    }
  }
});

test('a call that asks is told its timeline, which is that of its spans; nobody else is', async (t) => {
  const receiver = await useReceiver(t);
  const { gateway, client } = await traced(t, receiver);
  gateway.batcher.hold();
  const calls = [
    client.call(INFER, row(), { 'sluice-debug': '1' }),
    client.call(INFER, row(), { 'sluice-debug': '0' }),
    client.call(INFER, row()),
  ];
  while (gateway.batcher.stats().entries < 3) await new Promise((r) => setImmediate(r));
  gateway.batcher.release();
  const [told, ...others] = await Promise.all(calls);
  for (const other of others) assert.equal(other.trailers['sluice-timeline'], undefined);
  const timeline = JSON.parse(String(told?.trailers['sluice-timeline'])) as {
    traceId: string;
    totalMs: number;
    queueMs: number;
    actualMs: number;
    batch: { requests: number; rows: number; closed: string; totalMs: number };
    runs: { worker: number; attempt: number; outcome: string }[];
  };
  const spans = await receiver.until(
    (all) => servers(all).length === 3 && named(all, 'run').length === 1 && all,
  );
  const call = servers(spans).find(({ traceId }) => traceId === timeline.traceId) as ReceivedSpan;
  const queue = named(spans, 'queue').find(
    ({ parentSpanId }) => parentSpanId === call.spanId,
  ) as ReceivedSpan;
  const [batch] = named(spans, 'batch') as [ReceivedSpan];
  const [run] = named(spans, 'run') as [ReceivedSpan];
  const pairs = [
    [timeline.totalMs, call.durationMs],
    [timeline.queueMs, queue.durationMs],
    [timeline.batch.totalMs, batch.durationMs],
    [timeline.actualMs, run.durationMs],
  ] as const;
  for (const [here, there] of pairs)
    assert.ok(Math.abs(here - there) <= 0.05 * there, `${here} ms, ${there} ms`);
  assert.deepEqual([timeline.batch.requests, timeline.batch.rows, timeline.batch.closed], [3, 3, 'idle']);
  assert.deepEqual(
    timeline.runs.map(({ worker, attempt, outcome }) => [worker, attempt, outcome]),
    [[run.attributes['sluice.worker'], 1, 'success']],
  );
  const failed = await client.call(INFER, row(1, '', 'nobody'), { 'sluice-debug': '1' });
  assert.equal(failed.status, 5);
  assert.ok(
    JSON.parse(String(failed.headers['sluice-timeline'] ?? failed.trailers['sluice-timeline'])).totalMs > 0,
  );
});

test('TraceSetting changes what is traced while the server runs', async (t) => {
  const receiver = await useReceiver(t);
  const { gateway, client } = await traced(t, receiver, {}, { server: { allowRuntimeSettings: true } });
  const setting = async (settings: Record<string, string[]>): Promise<Record<string, string[]>> => {
    const values = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, { value }]));
    const body = toBinary(TraceSettingRequestSchema, create(TraceSettingRequestSchema, { settings: values }));
    const path = '/inference.GRPCInferenceService/TraceSetting';
    const { messages } = await client.call(path, frame(body));
    const answer = fromBinary(TraceSettingResponseSchema, messages[0] as Buffer);
    return Object.fromEntries(Object.entries(answer.settings).map(([key, { value }]) => [key, value]));
  };
  const live = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) await client.call(LIVE, frame(Buffer.alloc(0)));
  };
  const { trace_level: level, trace_rate: rate, trace_mode: mode } = await setting({});
  assert.deepEqual([level, rate, mode], [['TIMESTAMPS'], ['1'], ['opentelemetry']]);
  await setting({ trace_level: ['OFF'] });
  await live(10);
  await setting({ trace_level: ['TIMESTAMPS'], trace_rate: ['0'] });
  await live(10);
  await setting({ trace_rate: ['1'] });
  await live(3);
  await gateway.stop();
  assert.equal(servers(receiver.spans).filter(({ name }) => name === LIVE.slice(1)).length, 3);
});
