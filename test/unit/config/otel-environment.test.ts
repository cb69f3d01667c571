import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoadedConfig, loadConfig } from '../../../gateway/config/load.js';

function load(env: Record<string, string>, argv: readonly string[] = []): LoadedConfig {
  const none = (): never => {
    throw Object.assign(new Error('none'), { code: 'ENOENT' });
  };
  return loadConfig({ env, argv, cwd: '/', readFile: none });
}

test('without an endpoint, or an exporter, nothing is sent', () => {
  assert.equal(load({}).config.trace.exporter, 'none');
  assert.equal(
    load({ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }).config.trace.exporter,
    'none',
  );
  assert.equal(load({ OTEL_TRACES_EXPORTER: 'otlp' }).config.trace.exporter, 'otlp');
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' };
  assert.equal(load(endpoint).config.trace.exporter, 'otlp');
  assert.equal(load({ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }).config.trace.exporter, 'none');
  assert.equal(load({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }).config.trace.exporter, 'none');
});

test('metrics are sent where an exporter is named, and not for an endpoint alone', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' };
  const metrics = (env: Record<string, string>) => load({ ...endpoint, ...env }).config.metrics;
  assert.equal(metrics({}).exporter, 'none');
  const named = metrics({
    ...{
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
      OTEL_METRIC_EXPORT_TIMEOUT: '70',
    },
  });
  assert.deepEqual(
    [named.exporter, named.endpoint, named.exportIntervalMs, named.exportTimeoutMs],
    ['otlp', 'http://c:4318/v1/metrics', 5000, 70],
  );
  const grpc = { OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'grpc', OTEL_METRICS_EXPORTER: 'otlp,prometheus' };
  assert.deepEqual(
    [metrics(grpc).exporter, metrics(grpc).protocol, metrics(grpc).endpoint],
    ['otlp', 'grpc', 'http://c:4318/'],
  );
  assert.equal(load({ ...endpoint, ...grpc }).config.trace.protocol, 'http/protobuf');
  assert.equal(metrics({ OTEL_METRICS_EXPORTER: 'prometheus' }).exporter, 'none');
  assert.equal(metrics({ OTEL_METRICS_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }).exporter, 'none');
  const { warnings } = load({ OTEL_METRICS_EXPORTER: 'console' });
  assert.match(warnings[0] ?? '', /OTEL_METRICS_EXPORTER='console' is ignored: wanted one of none, otlp/);
});

test('the general endpoint gets the path of traces for HTTP; one for traces is whole', () => {
  const endpoint = (env: Record<string, string>): unknown => load(env).config.trace.endpoint;
  assert.equal(endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' }), 'http://c:4318/v1/traces');
  assert.equal(
    endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    'http://c:4317',
  );
  assert.equal(
    endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://t/x' }),
    'https://t/x',
  );
});

test('each variable stands behind its setting; a flag or a variable of our own comes first', () => {
  const env = {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
    OTEL_SERVICE_NAME: 'scores',
    OTEL_RESOURCE_ATTRIBUTES: 'a=b, c=d%2Ce',
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_BSP_EXPORT_TIMEOUT: '60',
    OTEL_EXPORTER_OTLP_TIMEOUT: '70',
    OTEL_SEMCONV_STABILITY_OPT_IN: 'http,rpc/dup',
  };
  const { config, sources, warnings } = load(env);
  const { trace } = config;
  assert.deepEqual(
    [trace.protocol, trace.sampler, trace.ratio],
    ['http/json', 'parentbased_traceidratio', 0.01],
  );
  assert.deepEqual([trace.serviceName, trace.resourceAttributes], ['scores', ['a=b', 'c=d%2Ce']]);
  assert.deepEqual([trace.maxQueueSpans, trace.maxExportSpans, trace.exportDelayMs], [100, 10, 50]);
  assert.deepEqual([trace.exportTimeoutMs, trace.tryTimeoutMs, trace.oldNames], [60, 70, true]);
  assert.equal(sources['trace.ratio'], 'environment OTEL_TRACES_SAMPLER_ARG');
  assert.deepEqual(warnings, []);
  const own = load({ ...env, SLUICE_TRACE_RATIO: '0.5' }, ['--trace-sampler', 'always_off']);
  assert.deepEqual([own.config.trace.ratio, own.config.trace.sampler], [0.5, 'always_off']);
});

test('a variable of OpenTelemetry that is wrong is warned of, and the server starts', () => {
  const { config, warnings } = load({
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_TRACES_SAMPLER_ARG: '7',
    OTEL_BSP_MAX_QUEUE_SIZE: '-1',
    OTEL_SERVICE_NAME: '',
  });
  assert.deepEqual(
    [config.trace.exporter, config.trace.sampler, config.trace.ratio, config.trace.maxQueueSpans],
    ['none', 'parentbased_always_on', 1, 2048],
  );
  assert.equal(warnings.length, 4);
  assert.match(warnings.join('\n'), /OTEL_TRACES_SAMPLER_ARG='7' is ignored: wanted a number from 0 to 1/);
});
