/** Metrics that are sent by OTLP: what a collector gets is what the page says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../gateway/telemetry/metric-table.js';
import { type ReceivedSeries, useMetricsReceiver } from '../support/otlp/metrics-receiver.js';
import { scrape } from '../support/scrape.js';
import { inferDirectly, useWaiting } from '../support/waiting-server.js';

const MODELS = { wait: { costMs: { fixed: 5 } } };

const named = (series: readonly ReceivedSeries[], name: string): ReceivedSeries | undefined =>
  series.find((each) => each.name === name);

for (const protocol of ['grpc', 'http/protobuf'] as const)
  test(`by ${protocol} a collector gets every metric of the page, cumulative, with its labels and its unit`, async (t) => {
    const receiver = await useMetricsReceiver(t);
    const endpoint =
      protocol === 'grpc'
        ? `http://127.0.0.1:${receiver.grpcPort}`
        : `http://127.0.0.1:${receiver.httpPort}/v1/metrics`;
    const running = await useWaiting(t, MODELS, {
      metrics: { exporter: 'otlp', protocol, endpoint, exportIntervalMs: 50 },
      trace: { serviceName: 'scores' },
    });
    await inferDirectly(running.gateway, 'wait');
    await inferDirectly(running.gateway, 'wait');
    const before = Date.now();
    const series = await receiver.next((all) => named(all, 'sluice_requests_total')?.value === 2);
    if (protocol === 'http/protobuf') assert.equal(receiver.path(), '/v1/metrics');
    const requests = named(series, 'sluice_requests_total');
    assert.deepEqual(requests?.attributes, { model: 'wait', version: '1', code: 'OK' });
    assert.deepEqual([requests?.kind, requests?.temporality, requests?.monotonic], ['sum', 2, true]);
    assert.equal(requests?.resource['service.name'], 'scores');
    assert.ok((requests?.startMs ?? 0) <= before && (requests?.atMs ?? 0) >= before - 1000);
    const duration = named(series, 'sluice_request_duration_seconds');
    assert.equal(duration?.unit, 's');
    assert.deepEqual(duration?.histogram?.bounds, METRICS.sluice_request_duration_seconds.buckets);
    assert.equal(duration?.histogram?.counts.length, (duration?.histogram?.bounds.length ?? 0) + 1);
    assert.equal(
      duration?.histogram?.counts.reduce((sum, count) => sum + count, 0),
      2,
    );
    assert.equal(duration?.histogram?.count, 2);
    const sum = await scrape(running, 'sluice_request_duration_seconds_sum{model="wait"');
    assert.ok(Math.abs((duration?.histogram?.sum ?? 0) - sum) < 1e-9);
    assert.equal(named(series, 'sluice_ready')?.kind, 'gauge');
    assert.equal(named(series, 'sluice_request_bytes')?.unit ?? 'By', 'By');
    assert.equal(named(series, 'sluice_model_info')?.attributes['sha256']?.length, 64);
    // While there is somebody to send the last of them to.
    await running.gateway.stop();
  });

test('a server that ends sends once more what it has counted, however long the interval', async (t) => {
  const receiver = await useMetricsReceiver(t);
  const endpoint = `http://127.0.0.1:${receiver.grpcPort}`;
  const { gateway } = await useWaiting(t, MODELS, {
    metrics: { exporter: 'otlp', protocol: 'grpc', endpoint, exportIntervalMs: 3_600_000 },
  });
  await inferDirectly(gateway, 'wait');
  const last = receiver.next(() => true);
  await gateway.stop();
  assert.equal(named(await last, 'sluice_requests_total')?.value, 1);
});

test('H106 a collector of metrics that is not there costs no call and no time at the end', async (t) => {
  const warned: string[] = [];
  const note = () => {};
  const logger = {
    debug: note,
    info: note,
    error: note,
    warn: (_: object, text: string) => void warned.push(text),
  };
  const { gateway } = await useWaiting(
    t,
    MODELS,
    {
      metrics: {
        exporter: 'otlp',
        protocol: 'grpc',
        endpoint: 'http://127.0.0.1:9',
        exportIntervalMs: 20,
        exportTimeoutMs: 100,
      },
      trace: { flushMs: 300 },
    },
    { logger },
  );
  for (let i = 0; i < 20; i++) await inferDirectly(gateway, 'wait');
  while (!warned.some((text) => text.startsWith('metrics could not be sent')))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const startedAt = performance.now();
  await gateway.stop();
  assert.ok(performance.now() - startedAt < 3000);
  assert.equal(warned.filter((text) => text.startsWith('metrics')).length, 1, 'once a minute');
});
