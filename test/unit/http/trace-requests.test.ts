import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fastify } from 'fastify';
import { CallTrace } from '../../../gateway/core/call-trace.js';
import { GatewayError } from '../../../gateway/core/error.js';
import { traceRequests } from '../../../gateway/http/trace-requests.js';
import { FakeClock } from '../../support/fake-clock.js';

const IDENTITY = { traceId: 't', spanId: 's', parentSpanId: '', remoteParent: false, state: '' };

test('one span for each request of a route that is traced, however it ends; its timeline where it asks', async () => {
  const ended: CallTrace[] = [];
  const sink = { ended: (trace: CallTrace) => void ended.push(trace), identify: () => IDENTITY };
  const app = fastify();
  const tracer = { active: true, debug: true, begin: (call: CallTrace['call']) => new CallTrace(sink, call) };
  traceRequests(app, { tracer, clock: new FakeClock() });
  const seen: (CallTrace | undefined)[] = [];
  app.get('/work/:what', { config: { traced: true } }, async (request) => {
    seen.push(request.trace);
    if (request.url.endsWith('bad')) throw new GatewayError('NOT_FOUND', 'no');
    return 'ok';
  });
  app.get('/livez', async (request) => {
    seen.push(request.trace);
    return 'ok';
  });
  const headers = { 'X-One': '1', TraceParent: 'x' };
  const well = await app.inject({ url: '/work/good?secret=1', headers: { ...headers, 'sluice-debug': '1' } });
  const bad = await app.inject({ url: '/work/bad', headers });
  await app.inject('/livez');
  await app.inject('/nothing');
  assert.equal(JSON.parse(String(well.headers['sluice-timeline'])).traceId, 't');
  assert.equal(bad.headers['sluice-timeline'], undefined);
  assert.deepEqual(seen, [...ended, undefined]);
  assert.deepEqual(
    ended.map(({ call, error, httpStatus }) => [call.method, error?.code, httpStatus]),
    [
      ['GET /work/:what', undefined, 200],
      ['GET /work/:what', 'NOT_FOUND', bad.statusCode],
    ],
  );
  const { fields = [] } = ended[0]?.call ?? {};
  assert.equal(fields[fields.indexOf('traceparent') + 1], 'x');
  await app.close();
});
