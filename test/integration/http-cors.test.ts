/** Pages of other origins: whose may ask, what their browsers are told first, and what they may read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../support/http-client.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';

const PAGE = 'https://app.example.org';
const PREDICT = '/predict/iris';

test('an origin that is allowed may ask and read, after a first question that needs no token; others are refused', async (t) => {
  const { httpPort } = await useGateway(t, {
    modelRepository: [EXAMPLES],
    workers: { count: 1 },
    http: { allowedOrigins: [PAGE] },
  });
  const first = await ask(httpPort, PREDICT, undefined, {
    method: 'OPTIONS',
    headers: {
      origin: PAGE,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,authorization',
    },
  });
  assert.equal(first.status, 204);
  assert.equal(first.headers['access-control-allow-origin'], PAGE);
  assert.match(first.headers['access-control-allow-methods'] ?? '', /POST/);
  for (const name of ['content-type', 'authorization', 'sluice-timeout-ms'])
    assert.ok(first.headers['access-control-allow-headers']?.includes(name), name);
  assert.equal(first.headers['access-control-allow-credentials'], undefined);
  const rows = Array.from({ length: 100 }, () => [5.1, 3.5, 1.4, 0.2]);
  const answer = await ask(httpPort, PREDICT, rows, { headers: { origin: PAGE, 'x-request-id': 'a' } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['access-control-allow-origin'], PAGE);
  assert.match(answer.headers['access-control-expose-headers'] ?? '', /x-request-id/);
  assert.equal(answer.headers.vary, 'origin, accept-encoding');
  const refused = await ask(httpPort, '/predict/nobody', [1], { headers: { origin: PAGE } });
  assert.equal(refused.status, 404);
  assert.equal(refused.headers['access-control-allow-origin'], PAGE, 'its page may read why');
  for (const method of ['OPTIONS', 'POST']) {
    const other = await ask(httpPort, PREDICT, method === 'POST' ? [1] : undefined, {
      method,
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    assert.equal(other.status, 403);
    assert.equal(other.headers['access-control-allow-origin'], undefined);
  }
  // Without an origin nothing is said of any.
  assert.equal(
    (await ask(httpPort, PREDICT, [5.1, 3.5, 1.4, 0.2])).headers['access-control-allow-origin'],
    undefined,
  );
});
