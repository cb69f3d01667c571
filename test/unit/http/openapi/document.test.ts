import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fastify } from 'fastify';
import { systemClock } from '../../../../gateway/core/clock.js';
import { HttpCalls } from '../../../../gateway/http/call/http-calls.js';
import { OPERATIONS } from '../../../../gateway/http/openapi/operations.js';
import { addRest } from '../../../../gateway/http/rest.js';
import type { RestOptions } from '../../../../gateway/http/rest-options.js';
import { RpcBridge } from '../../../../gateway/http/rpc/rpc-bridge.js';
import { openApiText } from '../../../support/docs/openapi-text.js';

/** Of the server itself: they are not among the routes of REST. */
const OWN = ['/livez', '/readyz', '/metrics', '/scheduler'];

/** Whatever a parameter is called; a verb of `/v1` is a part of it. */
const bare = (path: string): string =>
  path.replace(/\{\w+\}(?::(?:predict|classify|regress))?/g, '{}').replace(/:\w+/g, '{}');

test('the document has every route that is served, with who may ask, and no other', async () => {
  const calls = { clock: systemClock, maxDeadlineMs: 1000 };
  const options: RestOptions = {
    ...calls,
    infer: () => Promise.reject(new Error('not asked')),
    catalog: { list: () => [], available: () => [], ready: () => false, describe: () => assert.fail() },
    rpcs: new RpcBridge([], calls),
    calls: new HttpCalls({ maxOpenCalls: 1, maxHeldBytes: 1 }),
    maxBodyBytes: 1,
    style: { nonFinite: 'null', int64Strings: false },
    serverReady: () => true,
    release: '0',
  };
  const served = new Set<string>();
  const app = fastify();
  app.addHook('onRoute', ({ method, url, config }) => {
    if (method !== 'HEAD') served.add(`${String(method).toLowerCase()} ${bare(url)} ${config?.kind}`);
  });
  addRest(app, options);
  await app.ready();
  await app.close();
  const told = OPERATIONS.filter(({ path }) => !OWN.includes(path));
  assert.deepEqual(
    [...served].sort(),
    [...new Set(told.map(({ method, path, kind }) => `${method} ${bare(path)} ${kind}`))].sort(),
  );
});

test('every name in the document leads somewhere, and docs/openapi.json is it', () => {
  const text = openApiText();
  const document = JSON.parse(text) as { components: { schemas: Record<string, object> } };
  for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(name in document.components.schemas, name);
  const committed = readFileSync(new URL('../../../../../docs/openapi.json', import.meta.url), 'utf8');
  assert.deepEqual(JSON.parse(committed), document);
});
