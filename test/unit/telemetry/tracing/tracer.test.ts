import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchTrace } from '../../../../gateway/core/batch-trace.js';
import type { CallTrace, TracedCall } from '../../../../gateway/core/call-trace.js';
import { GatewayError } from '../../../../gateway/core/error.js';
import { silentLogger } from '../../../../gateway/core/logger.js';
import { timelineOf } from '../../../../gateway/core/timeline.js';
import { TraceKeeper } from '../../../../gateway/telemetry/trace-control.js';
import { KeptCalls } from '../../../../gateway/telemetry/tracing/kept-calls.js';
import { Sampler, type SamplerName } from '../../../../gateway/telemetry/tracing/sampler.js';
import type { SpanData } from '../../../../gateway/telemetry/tracing/span.js';
import { SpanQueue } from '../../../../gateway/telemetry/tracing/span-queue.js';
import { Tracer, type TracerOptions } from '../../../../gateway/telemetry/tracing/tracer.js';
import { FakeClock } from '../../../support/fake-clock.js';

const METHOD = 'inference.GRPCInferenceService/ModelInfer';
const MISSING = new GatewayError('NOT_FOUND', 'there is no such model', { reason: 'unknown_model' });
const BROKEN = new GatewayError('INTERNAL', 'internal error', { reason: 'internal' });

interface Rig {
  readonly clock: FakeClock;
  readonly tracer: Tracer;
  readonly queue: SpanQueue;
  /** What histograms were given as exemplars. */
  readonly exemplars: { readonly of: CallTrace | BatchTrace; readonly traceId: string }[];
  /** All spans so far. */
  spans(): SpanData[];
  begin(call?: Partial<TracedCall>): CallTrace;
}

function rig(
  sampler: SamplerName = 'always_on',
  options: Partial<TracerOptions> & { maxKept?: number; maxSpans?: number } = {},
): Rig {
  const clock = new FakeClock();
  const settings = {
    level: ['TIMESTAMPS'],
    rate: 1,
    count: -1,
    logFrequency: 0,
    mode: 'opentelemetry',
  } as const;
  const keeper = new TraceKeeper(undefined, settings);
  const queue = new SpanQueue({
    clock,
    ...{ maxSpans: options.maxSpans ?? 1000, maxExport: 1000, delayMs: 0, exportTimeoutMs: 1000 },
    onFailure: () => {},
  });
  const spans: SpanData[] = [];
  const exemplars: Rig['exemplars'] = [];
  queue.open({
    export: (given, done) => {
      spans.push(...given);
      done(undefined);
    },
    shutdown: () => Promise.resolve(),
  });
  const tracer = new Tracer({
    out: {
      sampler: new Sampler({ sampler, ratio: 1, read: (model) => keeper.read(model), random: () => 0.5 }),
      queue,
      kept: new KeptCalls(clock, options.maxKept ?? 1000),
      exemplars: {
        called: (trace, { traceId }) => void exemplars.push({ of: trace, traceId }),
        ran: (batch, { traceId }) => void exemplars.push({ of: batch, traceId }),
      },
    },
    ...{
      slowMs: 1000,
      debug: true,
      baggage: [],
      oldNames: false,
      soon: (fn) => clock.setTimer(fn, 0),
      logger: silentLogger,
    },
    ...options,
  });
  return {
    ...{ clock, tracer, queue, exemplars },
    spans: () => {
      clock.advance(0);
      return spans;
    },
    begin: (call = {}) =>
      tracer.begin({
        ...{
          protocol: 'grpc',
          method: METHOD,
          original: '',
          fields: [],
          peer: '[::1]:1234',
          startedAt: clock.now(),
          lasting: false,
          debug: false,
        },
        ...call,
      }),
  };
}

function entriesOf(calls: readonly CallTrace[]): { trace: CallTrace }[] {
  return calls.map((trace) => ({ trace }));
}

/** A batch of these calls, formed now. */
function batchOf(clock: FakeClock, ...members: readonly CallTrace[]): BatchTrace {
  for (const member of members) {
    member.queued = {
      lane: { manifest: { model: 'm', version: 3 } },
      rows: 2,
      submittedAt: member.startedAt,
    };
    member.model = 'm';
  }
  const batch = new BatchTrace({ model: 'm', version: 3 }, 'full', clock.now(), entriesOf(members));
  batch.gathered(2 * members.length, members.length);
  return batch;
}

test('nothing is made of a call that is not sampled and went well; what failed or was slow is kept, but not a stream for lasting', () => {
  const { clock, begin, spans } = rig('always_off');
  begin().end(clock.now());
  begin({ lasting: true }).end(clock.now() + 100_000);
  assert.deepEqual(spans(), []);
  begin().end(clock.now() + 1, MISSING);
  begin().end(clock.now() + 1000);
  const kept = spans();
  assert.deepEqual(
    kept.map(({ attributes, error }) => [attributes['rpc.status_code'], error]),
    [
      ['NOT_FOUND', undefined],
      ['OK', undefined],
    ],
  );
  assert.equal(kept[0]?.attributes['sluice.reason'], 'unknown_model');
});

test('histograms are told of the calls and batches whose spans are made, and of no others', () => {
  const { clock, begin, spans, exemplars } = rig('always_off');
  const [well, slow] = [begin(), begin()];
  const batch = batchOf(clock, well, slow);
  batch.end(clock.now() + 20);
  well.end(clock.now() + 21);
  slow.end(clock.now() + 2000);
  const ids = new Set(spans().map(({ identity }) => identity.traceId));
  assert.deepEqual(
    exemplars.map(({ of }) => of),
    [slow, batch],
  );
  for (const { traceId } of exemplars) assert.ok(ids.has(traceId));
});

test('what finds no room among the spans is no exemplar', () => {
  const { clock, begin, exemplars } = rig('always_on', { maxSpans: 3 });
  for (let i = 0; i < 9; i++) begin().end(clock.now());
  assert.equal(exemplars.length, 3);
});

test('so many are kept a second, and no more', () => {
  const { clock, begin, spans } = rig('always_off', { maxKept: 3 });
  for (let i = 0; i < 10; i++) begin().end(clock.now(), MISSING);
  assert.equal(spans().length, 3);
  clock.advance(1000);
  begin().end(clock.now(), MISSING);
  assert.equal(spans().length, 4);
});

test('a call ends once', () => {
  const { clock, begin, spans } = rig();
  const call = begin();
  call.end(clock.now() + 5, BROKEN);
  call.end(clock.now() + 9);
  assert.deepEqual(
    spans().map(({ endedAt, startedAt, error }) => [endedAt - startedAt, error]),
    [[5, 'internal error']],
  );
});

test('a batch is made once, in the trace of the first of its calls that is kept, and linked to all that are', () => {
  const { clock, begin, spans } = rig('always_off');
  const [well, slow, slower] = [begin(), begin(), begin()];
  const batch = batchOf(clock, well, slow, slower);
  batch.sent(1, clock.now() + 10, 7);
  batch.ran(
    { kind: 'success', outputs: [], startedAt: clock.now() + 11, endedAt: clock.now() + 19 },
    clock.now() + 20,
  );
  batch.end(clock.now() + 20);
  well.end(clock.now() + 21);
  slow.end(clock.now() + 2000);
  slower.end(clock.now() + 3000);
  const all = spans();
  assert.deepEqual(
    all.map(({ name }) => name),
    [METHOD, 'queue', METHOD, 'queue', 'batch', 'run'],
  );
  const [first, , second, , made, run] = all as [SpanData, SpanData, SpanData, SpanData, SpanData, SpanData];
  assert.deepEqual(made.links, [slow.identify(), slower.identify()]);
  assert.equal(made.identity.parentSpanId, first.identity.spanId);
  assert.deepEqual([first.links, second.links], [[], [made.identity]]);
  assert.equal(run.identity.parentSpanId, made.identity.spanId);
  assert.deepEqual(run.attributes, {
    'sluice.model': 'm',
    'sluice.version': 3,
    'sluice.batch.closed': 'full',
    'sluice.batch.rows': 6,
    'sluice.batch.requests': 3,
    'sluice.worker': 1,
    'sluice.attempt': 1,
    'sluice.outcome': 'success',
    'sluice.queue.ms': 10,
    'sluice.predicted.ms': 7,
    'sluice.actual.ms': 8,
  });
});

test('a call that ends before its batch: the batch follows when it has ended', () => {
  const { clock, begin, spans } = rig();
  const call = begin();
  const batch = batchOf(clock, call);
  batch.sent(0, clock.now() + 1, undefined);
  call.end(clock.now() + 5, new GatewayError('DEADLINE_EXCEEDED', 'late'));
  assert.deepEqual(
    spans().map(({ name }) => name),
    [METHOD, 'queue'],
  );
  batch.ran({ kind: 'fault', started: true, reason: 'it ended' }, clock.now() + 50);
  batch.end(clock.now() + 50);
  const [, , made, run] = spans();
  assert.deepEqual(
    [made?.name, made?.error, run?.name, run?.error],
    ['batch', 'it ended', 'run', 'it ended'],
  );
});

test('attempts count on over the halves of a batch', () => {
  const { clock, begin } = rig();
  const [one, two] = [begin(), begin()];
  const whole = batchOf(clock, one, two);
  for (const worker of [0, 1]) {
    whole.sent(worker, clock.now(), undefined);
    whole.ran({ kind: 'fault', started: true, reason: 'x' }, clock.now());
  }
  whole.end(clock.now());
  const half = new BatchTrace({ model: 'm', version: 3 }, 'again', clock.now(), entriesOf([two]));
  half.sent(0, clock.now(), undefined);
  assert.deepEqual(
    [...whole.runs, ...half.runs].map(({ attempt }) => attempt),
    [1, 2, 3],
  );
  assert.deepEqual([two.batch, half.halfOf, one.batch], [half, whole, whole]);
});

test('a request of a stream that is kept keeps its stream', () => {
  const { clock, begin, spans } = rig('always_off');
  const stream = begin({ lasting: true });
  stream.request(clock.now()).end(clock.now() + 1);
  stream.request(clock.now()).end(clock.now() + 1, BROKEN);
  stream.end(clock.now() + 9);
  const [request, whole] = spans();
  assert.equal(spans().length, 2);
  assert.equal(request?.identity.parentSpanId, whole?.identity.spanId);
  assert.deepEqual([request?.kind, whole?.kind], ['internal', 'server']);
});

test('H107 an attribute of 1 MB, or of half a character, is cut and mended', () => {
  const { clock, begin, spans } = rig('always_on', { baggage: ['k'] });
  const call = begin({
    method: '',
    original: '/x'.repeat(2 ** 19),
    fields: ['baggage', `k=${'y'.repeat(5000)}`],
  });
  call.model = 'm'.repeat(2 ** 20);
  call.requestId = '\ud800'.repeat(3);
  call.end(clock.now(), new GatewayError('INTERNAL', 'z'.repeat(2 ** 20)));
  const [span] = spans();
  assert.equal(span?.name, '_OTHER');
  for (const value of Object.values(span?.attributes ?? {})) {
    assert.ok(String(value).length <= 256);
    assert.ok(String(value).isWellFormed());
  }
  assert.ok((span?.error?.length ?? 0) <= 1024);
  assert.equal(span?.attributes['sluice.request.id'], '\ufffd\ufffd\ufffd');
});

test('many calls in one batch: links are bounded, and those left out counted', () => {
  const { clock, begin, spans } = rig();
  const calls = Array.from({ length: 200 }, () => begin());
  const batch = batchOf(clock, ...calls);
  batch.sent(0, clock.now(), undefined);
  batch.end(clock.now());
  for (const call of calls) call.end(clock.now());
  const [made] = spans().filter(({ name }) => name === 'batch');
  assert.deepEqual([made?.links.length, made?.droppedLinks], [128, 72]);
});

test('where there is no room spans are not made, but counted', () => {
  const { clock, begin, queue } = rig('always_on', { maxSpans: 1 });
  for (let i = 0; i < 5; i++) begin().end(clock.now());
  assert.equal(queue.counts.dropped, 4);
});

test('names of HTTP, and the older ones of RPC', () => {
  const { clock, begin, spans } = rig('always_on', { oldNames: true });
  begin({ protocol: 'http', method: 'POST /v2/models/:model/infer' }).end(clock.now(), MISSING, 404);
  begin().end(clock.now());
  const [http, grpc] = spans();
  assert.equal(http?.name, 'POST /v2/models/:model/infer');
  const { 'http.request.method': method, 'http.route': route, 'error.type': type } = http?.attributes ?? {};
  assert.deepEqual([method, route, type, http?.error], ['POST', '/v2/models/:model/infer', '404', undefined]);
  const {
    'rpc.service': service,
    'rpc.grpc.status_code': code,
    'network.peer.port': port,
  } = grpc?.attributes ?? {};
  assert.deepEqual([service, code, port], ['inference.GRPCInferenceService', 0, 1234]);
});

test('a timeline of a call that never ran, and of one that did', () => {
  const { clock, begin } = rig();
  const refused = begin();
  assert.deepEqual(Object.keys(JSON.parse(timelineOf(refused, clock.now() + 2))), ['traceId', 'totalMs']);
  const call = begin();
  const batch = batchOf(clock, call);
  batch.sent(1, clock.now() + 4, 9);
  batch.ran(
    { kind: 'success', outputs: [], startedAt: clock.now() + 5, endedAt: clock.now() + 15 },
    clock.now() + 16,
  );
  batch.end(clock.now() + 16);
  assert.deepEqual(JSON.parse(timelineOf(call, clock.now() + 17)), {
    traceId: call.identify().traceId,
    ...{ totalMs: 17, version: 3, beforeQueueMs: 0, queueMs: 4 },
    batch: { requests: 1, rows: 2, closed: 'full', totalMs: 16 },
    ...{ predictedMs: 9, actualMs: 10 },
    runs: [{ attempt: 1, worker: 1, outcome: 'success', ms: 10 }],
  });
});
