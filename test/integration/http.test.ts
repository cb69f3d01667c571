import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { GatewayError } from '../../gateway/core/error.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { HttpServer, type HttpServerOptions } from '../../gateway/http/server.js';
import { Metrics } from '../../gateway/telemetry/metrics.js';
import { recordedRun } from '../support/recorded-run.js';

const ok = () => ({ ok: true, reason: '' });

async function withServer(
  options: Partial<HttpServerOptions>,
  use: (base: string, port: number) => Promise<void>,
): Promise<void> {
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    live: ok,
    ready: ok,
    logger: silentLogger,
    ...options,
  });
  const port = await server.listen();
  try {
    await use(`http://127.0.0.1:${port}`, port);
  } finally {
    await server.close();
  }
}

/** Sends bytes and reads until the server closes. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    answer += chunk;
  });
  const closed = new Promise<void>((resolve) => {
    // A reset is one way of closing.
    socket.on('error', () => {}).on('close', () => resolve());
  });
  socket.write(bytes);
  await closed;
  return answer;
}

test('/livez and /readyz answer 200, or 503 with the reason, as things stand at the moment', async () => {
  let ready = { ok: false, reason: 'model iris is loading' };
  await withServer({ ready: () => ready }, async (base) => {
    const live = await fetch(`${base}/livez`);
    assert.equal(live.status, 200);
    assert.deepEqual(await live.json(), { status: 'ok' });
    const before = await fetch(`${base}/readyz`);
    assert.equal(before.status, 503);
    assert.deepEqual(await before.json(), { status: 'unavailable', reason: 'model iris is loading' });
    ready = ok();
    const after = await fetch(`${base}/readyz`, { method: 'HEAD' });
    assert.equal(after.status, 200);
  });
});

test('/metrics answers the page with its content type, to a hundred scrapes at once', async () => {
  const metrics = new Metrics();
  metrics.batch(recordedRun({ model: 'iris', rows: 2 }));
  await withServer({ metrics }, async (base) => {
    const pages = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await fetch(`${base}/metrics`);
        assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
        return response.text();
      }),
    );
    for (const page of pages) assert.match(page, /^sluice_batch_rows_sum\{model="iris",version="1"\} 2$/m);
  });
});

test('without metrics /metrics is not there, and the error says what is', async () => {
  await withServer({}, async (base) => {
    const response = await fetch(`${base}/metrics?x=%00`);
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), {
      error: "nothing is served at GET '/metrics'; GET /livez, /readyz are",
    });
  });
});

test('a failure inside is a 500 with no internals, is logged, and the server goes on', async () => {
  const logged: object[] = [];
  const logger = { ...silentLogger, error: (fields: object) => void logged.push(fields) };
  const metrics = {
    render: () => Promise.reject(new Error('secret detail')),
  };
  await withServer({ metrics, logger }, async (base) => {
    const response = await fetch(`${base}/metrics`);
    assert.equal(response.status, 500);
    assert.deepEqual(await response.json(), { error: 'internal error', code: 'INTERNAL' });
    assert.equal(logged.length, 1);
    assert.equal((await fetch(`${base}/livez`)).status, 200);
  });
});

test('a GatewayError keeps its code and its Retry-After', async () => {
  const metrics = {
    render: () => Promise.reject(new GatewayError('UNAVAILABLE', 'draining', { retryAfterMs: 2500 })),
  };
  await withServer({ metrics }, async (base) => {
    const response = await fetch(`${base}/metrics`);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '3');
    assert.deepEqual(await response.json(), { error: 'draining', code: 'UNAVAILABLE' });
  });
});

test('bodies and headers are bounded, nonsense is refused; each answer is {"error": …}', async () => {
  await withServer({ maxBodyBytes: 1024 }, async (base, port) => {
    const body = await fetch(`${base}/livez`, { method: 'POST', body: 'x'.repeat(2000) });
    assert.ok([404, 413].includes(body.status), String(body.status));
    assert.ok('error' in ((await body.json()) as object));
    const answers = await Promise.all([
      raw(port, `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
      raw(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      raw(port, '\x16\x03\x01\x02\x00\x01\x00'),
    ]);
    assert.match(
      answers[0] ?? '',
      /^HTTP\/1\.1 431 [\s\S]*\{"error":"the headers are larger than 16384 bytes"\}$/,
    );
    assert.match(answers[1] ?? '', /^HTTP\/1\.1 400 [\s\S]*\{"error":/);
    assert.match(answers[2] ?? '', /^HTTP\/1\.1 400 [\s\S]*\{"error":/);
    assert.equal((await fetch(`${base}/livez`)).status, 200);
  });
});

test('a request that never ends is cut with 408', async () => {
  await withServer({ requestTimeoutMs: 200 }, async (_base, port) => {
    assert.match(await raw(port, 'GET /livez HTTP/1.1\r\nhost: x\r\n'), /^HTTP\/1\.1 408 /);
  });
});

test('close cuts idle, half-sent and slow connections at once', async () => {
  let asked: () => void = () => {};
  const inside = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    live: ok,
    ready: ok,
    logger: silentLogger,
    metrics: {
      render: () => {
        asked();
        return new Promise<never>(() => {});
      },
    },
  });
  const port = await server.listen();
  const slow = raw(port, 'GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const half = raw(port, 'GET /livez HT');
  const idle = raw(port, '');
  await inside;
  const started = performance.now();
  await server.close();
  await Promise.all([slow, half, idle]);
  assert.ok(performance.now() - started < 2000);
});

test('G105 a port in use is a clear error that names host and port', async () => {
  const holder = createServer();
  holder.listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as { port: number };
  const server = new HttpServer({ host: '127.0.0.1', port, live: ok, ready: ok, logger: silentLogger });
  await assert.rejects(server.listen(), (error: unknown) => {
    assert.ok(error instanceof GatewayError);
    assert.equal(
      error.message,
      `Cannot listen for HTTP on 127.0.0.1:${port}: the port is in use: stop what uses it, or choose another with --http-port`,
    );
    assert.equal(error.code, 'FAILED_PRECONDITION');
    return true;
  });
  await server.close();
  holder.close();
  await once(holder, 'close');
});

test('G105 an address that this machine does not have is named', async () => {
  const server = new HttpServer({ host: '192.0.2.1', port: 0, live: ok, ready: ok, logger: silentLogger });
  await assert.rejects(
    server.listen(),
    /Cannot listen for HTTP on 192\.0\.2\.1:0: this machine has no such address/,
  );
  await server.close();
});

test('a name that was made to lead here, and pages of other sites, are refused before anything is done', async () => {
  await withServer({}, async (_base, port) => {
    const ask = (host: string, more = '') =>
      raw(
        port,
        `POST /none HTTP/1.1\r\nHost: ${host}\r\n${more}Content-Length: 0\r\nConnection: close\r\n\r\n`,
      );
    assert.match(await ask('localhost'), /^HTTP\/1\.1 404 /);
    const rebound = await ask(`rebound.example:${port}`);
    assert.match(rebound, /^HTTP\/1\.1 421 /);
    assert.match(rebound, /this server is not 'rebound\.example:\d+'.*--http-allowed-hosts/);
    const crossed = await ask('localhost', 'Origin: https://evil.example\r\n');
    assert.match(crossed, /^HTTP\/1\.1 403 /);
    assert.match(crossed, /'https:\/\/evil\.example' may not ask this server/);
    assert.ok(!/access-control-allow/i.test(crossed));
    assert.match(await ask(`127.0.0.1:${port}`, `Origin: http://127.0.0.1:${port}\r\n`), /^HTTP\/1\.1 404 /);
  });
});

test('what a token must allow for each path: nothing for probes', async () => {
  const kinds: string[] = [];
  const guard = { check: ({ kind }: { kind: string }) => void kinds.push(kind), nameOf: () => undefined };
  const metrics = { render: async () => ({ contentType: 'text/plain', text: '' }) };
  await withServer({ guard, metrics }, async (base) => {
    for (const path of ['/livez', '/readyz?x', '/metrics', '/none']) await (await fetch(base + path)).text();
  });
  assert.deepEqual(kinds, ['open', 'open', 'reads', 'reads']);
});
