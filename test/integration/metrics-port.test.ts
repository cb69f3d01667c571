/** The port that scrapers of Triton look at: what it serves, what it does not, and until when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFrom } from '../../gateway/config/from-settings.js';
import { listenersOf } from '../../gateway/config/listeners.js';
import { createGateway } from '../../gateway/gateway.js';
import { makeFolder } from '../support/certificates.js';
import { scrapePage } from '../support/scrape.js';
import { tokenLine } from '../support/tokens.js';
import { EXAMPLES, FREE_PORTS, useGateway } from '../support/use-gateway.js';
import { inferDirectly, useWaiting } from '../support/waiting-server.js';

const ONE = { modelRepository: [EXAMPLES], workers: { count: 1 } };

/** Names of the metrics on a page. */
function namesOf(page: string): string[] {
  return [...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name as string);
}

test('the metrics are on their own port as on the HTTP port, and nothing else is', async (t) => {
  const running = await useGateway(t, ONE);
  const base = `http://127.0.0.1:${running.metricsPort}`;
  const answer = await fetch(`${base}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const names = namesOf(await answer.text());
  assert.deepEqual(names, namesOf(await scrapePage(running)));
  assert.ok(names.includes('sluice_requests_total'));
  for (const path of ['/livez', '/readyz', '/scheduler', '/v2/health/ready', '/']) {
    const other = await fetch(base + path);
    assert.equal(other.status, 404, path);
    const error = `nothing is served at GET '${path}'; GET /metrics is`;
    assert.deepEqual(await other.json(), { error });
  }
  const { metricsPort } = running;
  const rebound = await fetch(`http://[::ffff:127.0.0.1]:${metricsPort}/metrics`);
  assert.equal(rebound.status, 421, 'a name that is not its own');
});

test('it is at 8002 on loopback unless told otherwise, and follows HTTP to where that listens', () => {
  const place = (settings: Parameters<typeof configFrom>[0]) =>
    listenersOf(configFrom(settings)).find(({ name }) => name === 'metrics');
  assert.deepEqual([place({})?.address, place({})?.port], ['127.0.0.1', 8002]);
  assert.equal(place({ http: { address: '0.0.0.0' } })?.address, '0.0.0.0');
  assert.equal(place({ http: { address: '0.0.0.0' }, metrics: { address: '::1' } })?.address, '::1');
  assert.equal(place({ metrics: { enabled: false } }), undefined);
});

test('each switch takes away what it says: the port alone, HTTP alone, the metrics everywhere', async (t) => {
  const rows = [
    { settings: { metrics: { ownPort: false } }, own: undefined, http: 200 },
    { settings: { http: { enabled: false } }, own: 200, http: undefined },
    { settings: { metrics: { enabled: false } }, own: undefined, http: 404 },
  ];
  const statusAt = async (port: number | undefined) =>
    port === undefined ? undefined : (await fetch(`http://127.0.0.1:${port}/metrics`)).status;
  for (const { settings, own, http } of rows) {
    const { metricsPort, httpPort } = await useGateway(t, { ...ONE, ...settings });
    const found = { own: await statusAt(metricsPort), http: await statusAt(httpPort) };
    assert.deepEqual(found, { own, http }, JSON.stringify(settings));
  }
});

test('while the server drains a scrape sees it; when it has stopped nobody answers', async (t) => {
  const { gateway, metricsPort } = await useWaiting(t, { wait: { costMs: { fixed: 400 } } });
  const url = `http://127.0.0.1:${metricsPort}/metrics`;
  const call = inferDirectly(gateway, 'wait');
  const stopped = gateway.stop();
  const page = await (await fetch(url)).text();
  assert.match(page, /^sluice_ready 0$/m);
  assert.match(page, /^sluice_calls_in_flight 1$/m);
  await call;
  await stopped;
  await assert.rejects(fetch(url), { message: 'fetch failed' });
});

test('with tokens it wants one that may read', async (t) => {
  const folder = makeFolder(t);
  const tokens = tokenLine('scraper', 'read', 'secret-1');
  const { metricsPort } = await useGateway(t, {
    ...ONE,
    auth: { tokensFile: folder.write('tokens', tokens) },
  });
  const url = `http://127.0.0.1:${metricsPort}/metrics`;
  assert.equal((await fetch(url)).status, 401);
  assert.equal((await fetch(url, { headers: { authorization: 'Bearer secret-1' } })).status, 200);
});

test('a second server on the same metrics port does not start, says why, and leaves nothing open', async (t) => {
  const { metricsPort } = await useGateway(t, ONE);
  const second = createGateway({ ...ONE, ...FREE_PORTS, metrics: { port: metricsPort } });
  await assert.rejects(second.start(), {
    code: 'FAILED_PRECONDITION',
    message: `Cannot listen for metrics on 127.0.0.1:${metricsPort}: the port is in use: stop what uses it, or choose another with --metrics-port, or have none with --metrics-own-port=false`,
  });
  await second.stop();
});
