/** From a bucket of a histogram to the trace of a request in it, as a dashboard leads there. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Settings } from '../../gateway/config/from-settings.js';
import { type OtlpReceiver, useReceiver } from '../support/otlp/receiver.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { useWaiting, waitingRow } from '../support/waiting-server.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

interface Exemplar {
  readonly metric: string;
  /** The bucket's bounds, in seconds: above the first, up to the second. */
  readonly bounds: readonly [number, number];
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  readonly at: number;
}

async function useTraced(t: TestContext, receiver: OtlpReceiver, trace: NonNullable<Settings['trace']>) {
  const running = await useWaiting(
    t,
    { wait: { costMs: { fixed: 20 } } },
    {
      trace: {
        ...{ exporter: 'otlp', protocol: 'grpc', endpoint: `http://127.0.0.1:${receiver.grpcPort}` },
        ...{ exportDelayMs: 5, slowMs: 60_000, ...trace },
      },
    },
  );
  const client = new RawClient(running.grpcPort);
  t.after(() => client.close());
  const call = (headers: Record<string, string> = {}, model = 'wait') =>
    client.call(INFER, frame(waitingRow(model)), headers);
  return { ...running, call };
}

async function exemplars(port: number): Promise<Exemplar[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: OPEN_METRICS } });
  assert.equal(
    answer.headers.get('content-type'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  const page = await answer.text();
  assert.ok(page.endsWith('# EOF\n'));
  const found: Exemplar[] = [];
  let below = 0;
  for (const line of page.split('\n')) {
    const le = /_bucket\{le="([^"]*)"/.exec(line)?.[1];
    const match = /^(\w+)_bucket\{.* # \{trace_id="(\w+)",span_id="(\w+)"\} (\S+) (\S+)$/.exec(line);
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    if (match !== null) {
      const [, metric, traceId, spanId, value, at] = match as unknown as string[];
      const ids = { metric: metric as string, traceId: traceId as string, spanId: spanId as string };
      found.push({ ...ids, bounds: [below, bound], value: Number(value), at: Number(at) });
    }
    below = le === undefined || le === '+Inf' ? 0 : bound;
  }
  return found;
}

test('each of the five durations leads to the spans that were exported, with the value that they tell', async (t) => {
  const receiver = await useReceiver(t);
  const { call, metricsPort } = await useTraced(t, receiver, {});
  const traceId = 'a'.repeat(32);
  const before = Date.now() / 1000;
  const answer = await call({ traceparent: `00-${traceId}-${'b'.repeat(16)}-01` });
  assert.equal(answer.status, 0);
  const spans = await receiver.until((all) => all.some(({ name }) => name === 'run') && all);
  const found = await exemplars(metricsPort);
  assert.deepEqual(
    found.map(({ metric }) => metric),
    [
      'sluice_request_duration_seconds',
      'sluice_request_queue_duration_seconds',
      'sluice_batch_input_duration_seconds',
      'sluice_batch_compute_duration_seconds',
      'sluice_batch_output_duration_seconds',
    ],
  );
  for (const { metric, bounds, value, at, ...ids } of found) {
    assert.equal(ids.traceId, traceId, metric);
    const name = metric.startsWith('sluice_batch') ? 'batch' : INFER.slice(1);
    assert.equal(ids.spanId, spans.find((span) => span.name === name)?.spanId, metric);
    assert.ok(value <= bounds[1] && (value > bounds[0] || value === 0), `${metric}: ${value} in ${bounds}`);
    assert.ok(at >= before && at <= Date.now() / 1000, `${metric}: ${at}`);
  }
  const run = spans.find(({ name }) => name === 'run');
  assert.ok(Math.abs((found[3]?.value ?? 0) * 1000 - (run?.durationMs ?? 0)) < 0.01);
});

test('of what is not sampled only what failed or was slow leads to a trace: there is one to lead to', async (t) => {
  const receiver = await useReceiver(t);
  const { call, metricsPort } = await useTraced(t, receiver, { sampler: 'always_off' });
  assert.equal((await call()).status, 0);
  assert.deepEqual(await exemplars(metricsPort), []);
  assert.notEqual((await call({}, 'nobody')).status, 0);
  const [span] = await receiver.until((all) => all.length > 0 && all);
  const [only, ...more] = await exemplars(metricsPort);
  assert.deepEqual([only?.traceId, only?.spanId, more], [span?.traceId, span?.spanId, []]);
});
