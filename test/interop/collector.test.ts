/** The OpenTelemetry Collector takes the traces and the metrics, over gRPC and both forms of HTTP, set up by nothing but the standard variables. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeInfer, inferRequest } from '../../bench/targets/oip.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { startServerProcess } from '../support/server-process.js';
import { assertOrderly, findTool } from './tools.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const TRACE = 'a'.repeat(32);
const PARENT = 'b'.repeat(16);

interface Collector {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Resolves to all that it has said when that holds this, and this behind it; rejects after 20 s. */
  until(text: string, then?: string): Promise<string>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startCollector(
  t: TestContext,
  path: string,
  signal: 'traces' | 'metrics',
): Promise<Collector> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-collector-'));
  const [grpcPort, httpPort] = [await freePort(), await freePort()];
  const endpoint = (port: number): object => ({ endpoint: `127.0.0.1:${port}` });
  const configuration = {
    receivers: { otlp: { protocols: { grpc: endpoint(grpcPort), http: endpoint(httpPort) } } },
    exporters: { debug: { verbosity: 'detailed' } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { [signal]: { receivers: ['otlp'], exporters: ['debug'] } },
    },
  };
  const file = join(folder, 'collector.yaml');
  writeFileSync(file, JSON.stringify(configuration));
  const child = spawn(path, ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const until = async (text: string, then = ''): Promise<string> => {
    const heard = () => said.includes(text) && said.includes(then, said.indexOf(text));
    const timeout = AbortSignal.timeout(20_000);
    while (!heard()) {
      await new Promise<void>((resolve, reject) => {
        const gaveUp = (): void => reject(new Error(`the collector has not said ${text}:\n${said}`));
        timeout.addEventListener('abort', gaveUp, { once: true });
        child.stderr.once('data', () => {
          timeout.removeEventListener('abort', gaveUp);
          resolve();
        });
      });
    }
    return said;
  };
  await until('Everything is ready');
  return { grpcPort, httpPort, until };
}

/** A flower for iris, as a message. */
function flower(): Buffer {
  const data = new Uint8Array(Float32Array.of(5.1, 3.5, 1.4, 0.2).buffer);
  return frame(encodeInfer(inferRequest('iris', '', [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }])));
}

test('an OpenTelemetry Collector takes the traces over each protocol', async (t) => {
  const path = findTool(t, 'otelcol');
  if (path === undefined) return;
  const collector = await startCollector(t, path, 'traces');
  const row = flower();
  for (const protocol of ['grpc', 'http/protobuf', 'http/json']) {
    const port = protocol === 'grpc' ? collector.grpcPort : collector.httpPort;
    const server = await startServerProcess({
      args: ['--model-repository', 'examples'],
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_SERVICE_NAME: `by ${protocol}`,
      },
    });
    const client = new RawClient(server.grpcPort);
    const { status } = await client.call(INFER, row, { traceparent: `00-${TRACE}-${PARENT}-01` });
    const unknown = await client.call('/no.Such/Method', row);
    client.close();
    // What it has at its end is sent.
    assertOrderly(await server.stop(), server);
    assert.deepEqual([status, unknown.status], [0, 12]);
    const said = await collector.until(`Str(by ${protocol})`);
    const heard = said.slice(said.indexOf(`Str(by ${protocol})`));
    const names = [...heard.matchAll(/^ +Name +: (\S+)$/gm)].map(([, name]) => name);
    assert.deepEqual(names.sort(), ['_OTHER', 'batch', INFER.slice(1), 'queue', 'run']);
    assert.match(heard, new RegExp(`Trace ID +: ${TRACE}\\n +Parent ID +: ${PARENT}`));
    assert.match(heard, /rpc\.status_code: Str\(UNIMPLEMENTED\)/);
    assert.match(heard, /SpanLink #0/);
  }
});

test('and the metrics, where OTEL_METRICS_EXPORTER says so', async (t) => {
  const path = findTool(t, 'otelcol');
  if (path === undefined) return;
  const collector = await startCollector(t, path, 'metrics');
  for (const protocol of ['grpc', 'http/protobuf', 'http/json']) {
    const port = protocol === 'grpc' ? collector.grpcPort : collector.httpPort;
    const server = await startServerProcess({
      args: ['--model-repository', 'examples'],
      env: {
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_SERVICE_NAME: `by ${protocol}`,
      },
    });
    const client = new RawClient(server.grpcPort);
    const { status } = await client.call(INFER, flower());
    client.close();
    assert.equal(status, 0);
    // What it has at its end is sent, and no interval has passed before.
    assertOrderly(await server.stop(), server);
    const said = await collector.until(`Str(by ${protocol})`, 'sluice_process_memory_bytes');
    const heard = said.slice(said.indexOf(`Str(by ${protocol})`));
    const metric = (name: string) =>
      heard.split('Descriptor:').find((text) => text.includes(`-> Name: ${name}\n`)) ?? '';
    const requests = metric('sluice_requests_total');
    assert.match(
      requests,
      /-> DataType: Sum\n +-> IsMonotonic: true\n +-> AggregationTemporality: Cumulative/,
    );
    assert.match(requests, /-> model: Str\(iris\)/);
    assert.match(requests, /Value: 1\.0+/);
    const duration = metric('sluice_request_duration_seconds');
    assert.match(duration, /-> Unit: s\n +-> DataType: Histogram/);
    assert.match(duration, /^Count: 1$/m);
    assert.match(metric('sluice_saturation_ratio'), /-> DataType: Gauge/);
  }
});
