/** Spans of what goes wrong, beside what clients and metrics are told of the same. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { encodeInfer, inferRequest } from '../../bench/targets/oip.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { vanishingModel } from '../support/onnx-model.js';
import { type OtlpReceiver, type ReceivedSpan, useReceiver } from '../support/otlp/receiver.js';
import { frame, type RawAnswer, RawClient, type RawHeaders } from '../support/raw-grpc.js';
import { scrape } from '../support/scrape.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

interface Timeline {
  readonly traceId: string;
  readonly totalMs: number;
  readonly queueMs: number;
  readonly actualMs: number;
  readonly batch: { readonly requests: number; readonly totalMs: number };
  readonly runs: readonly {
    readonly worker: number;
    readonly attempt: number;
    readonly outcome: string;
    readonly ms: number;
  }[];
}

async function serve(
  t: TestContext,
  receiver: OtlpReceiver,
  settings: Settings = {},
): Promise<RunningGateway & { readonly client: RawClient }> {
  const repository = makeRepository(t, {
    'vanishing/1/model.onnx': vanishingModel(),
    'wait/1/model.wait.json': Buffer.from(JSON.stringify({ costMs: { fixed: 20 } })),
  });
  const running = await useGateway(t, {
    modelRepository: [repository],
    queue: { batchChoice: false },
    ...settings,
    workers: { count: 2, enableWaitingRuntime: true },
    trace: {
      ...{ exporter: 'otlp', protocol: 'grpc', endpoint: `http://127.0.0.1:${receiver.grpcPort}` },
      ...{ exportDelayMs: 5, slowMs: 60_000, ...settings.trace },
    },
  });
  const client = new RawClient(running.grpcPort);
  t.after(() => client.close());
  return { ...running, client };
}

function request(model: string, values: readonly number[], shape: readonly number[]): Buffer {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return frame(
    encodeInfer(inferRequest(model, '', [{ name: 'X', datatype: 'FP32', shape: [...shape], data }])),
  );
}

/** Sends calls that run as one batch. */
async function together(
  { gateway, client }: RunningGateway & { readonly client: RawClient },
  bodies: readonly Buffer[],
  headers: RawHeaders = {},
): Promise<RawAnswer[]> {
  gateway.batcher.hold();
  const calls = bodies.map((body) => client.call(INFER, body, headers));
  while (gateway.batcher.stats().entries < bodies.length) await new Promise((r) => setImmediate(r));
  gateway.batcher.release();
  return Promise.all(calls);
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan[] =>
  spans.filter((span) => span.name === name);
const servers = (spans: readonly ReceivedSpan[]): ReceivedSpan[] =>
  spans.filter(({ kind }) => kind === 'server');

test('C57 an output with rows missing: each caller of the batch has one server span with INTERNAL, as its answer and its metric', async (t) => {
  const receiver = await useReceiver(t);
  // Not sampled: failures are kept all the same.
  const running = await serve(t, receiver, { trace: { sampler: 'always_off' } });
  const answers = await together(
    running,
    [1, 2000, 3].map((x) => request('vanishing', [x], [1])),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    [13, 13, 13],
  );
  const labels = '{model="vanishing",version="1",code="INTERNAL"}';
  assert.equal(await scrape(running, `sluice_requests_total${labels}`), 3);
  assert.ok((await scrape(running, 'sluice_model_bad_outputs_total{model="vanishing"')) >= 1);
  await running.gateway.stop();
  const calls = servers(receiver.spans);
  assert.equal(calls.length, 3);
  for (const { attributes, error } of calls) {
    assert.equal(attributes['rpc.status_code'], 'INTERNAL');
    assert.equal(attributes['error.type'], 'INTERNAL');
    assert.equal(attributes['sluice.reason'], 'model_error');
    assert.deepEqual([attributes['sluice.model'], attributes['sluice.version']], ['vanishing', 1]);
    assert.ok(error !== undefined);
  }
  assert.equal(new Set(calls.map(({ traceId }) => traceId)).size, 3);
  const [batch, ...others] = named(receiver.spans, 'batch');
  assert.equal(others.length, 0);
  assert.deepEqual([...(batch?.links ?? [])].sort(), calls.map(({ spanId }) => spanId).sort());
  assert.equal(named(receiver.spans, 'run').length, 1);
});

test('B38 B39 a context that is malformed, of version ff, all zero or given twice begins a new trace, and nothing of it is kept', async (t) => {
  const receiver = await useReceiver(t);
  const { gateway, client } = await serve(t, receiver, { trace: { sampler: 'parentbased_always_on' } });
  const good = `00-${TRACE}-${SPAN}-00`;
  const contexts: RawHeaders[] = [
    { traceparent: 'banana' },
    { traceparent: `ff-${TRACE}-${SPAN}-00` },
    { traceparent: `00-${'0'.repeat(32)}-${SPAN}-00` },
    { traceparent: `00-${TRACE}-${'0'.repeat(16)}-00` },
    { traceparent: [good, good] },
    { traceparent: `${good}-more` },
    { 'grpc-trace-bin': 'AAAA' },
    { 'grpc-trace-bin': Buffer.concat([Buffer.of(9), Buffer.alloc(28, 1)]).toString('base64') },
  ];
  for (const context of contexts) {
    const { status } = await client.call(INFER, request('wait', [1, 2, 3, 4], [1, 4]), {
      ...context,
      tracestate: 'x=1',
    });
    assert.equal(status, 0, JSON.stringify(context));
  }
  await gateway.stop();
  const calls = servers(receiver.spans);
  // Each is sampled as a root is: a context that was believed would have said not to.
  assert.equal(calls.length, contexts.length);
  for (const { traceId, parentSpanId, state, remoteParent } of calls) {
    assert.notEqual(traceId, TRACE);
    assert.deepEqual([parentSpanId, state, remoteParent], ['', '', false]);
  }
  assert.equal(new Set(calls.map(({ traceId }) => traceId)).size, contexts.length);
});

test('the timeline of a call whose workers ended is that of its spans, within 5%: every attempt, where and how long', async (t) => {
  const receiver = await useReceiver(t);
  const running = await serve(t, receiver);
  const rows = [commandOf('exit'), 7].map((first) => request('wait', [first, 2, 3, 4], [1, 4]));
  const [, good] = await together(running, rows, { 'sluice-debug': '1' });
  assert.equal(good?.status, 0);
  const told = JSON.parse(String(good?.trailers['sluice-timeline'])) as Timeline;
  assert.ok(told.runs.length >= 3, JSON.stringify(told.runs));
  await running.gateway.stop();
  const spans = receiver.spans;
  const call = servers(spans).find(({ traceId }) => traceId === told.traceId) as ReceivedSpan;
  const queue = named(spans, 'queue').find(
    ({ parentSpanId }) => parentSpanId === call.spanId,
  ) as ReceivedSpan;
  const near = (here: number, there: number, what: string): void =>
    assert.ok(Math.abs(here - there) <= 0.05 * there, `${what}: ${here} ms, ${there} ms`);
  near(told.totalMs, call.durationMs, 'in all');
  near(told.queueMs, queue.durationMs, 'in the queue');
  const runs = named(spans, 'run');
  for (const { attempt, worker, outcome, ms } of told.runs) {
    // The halves of a batch count their attempts each: both may have a third one.
    const found = runs.filter(
      ({ attributes }) =>
        attributes['sluice.attempt'] === attempt &&
        attributes['sluice.worker'] === worker &&
        attributes['sluice.outcome'] === outcome,
    );
    const durations = found.map(({ durationMs }) => durationMs);
    const nearest = durations.find((there) => Math.abs(ms - there) <= 0.05 * there);
    assert.ok(
      nearest !== undefined,
      `attempt ${attempt} on ${worker}, ${outcome}: ${ms} ms, not ${durations}`,
    );
  }
  assert.equal(told.runs.at(-1)?.outcome, 'success');
});
