import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { Logger } from '../../../../gateway/core/logger.js';
import { HttpCalls } from '../../../../gateway/http/call/http-calls.js';
import { DirectInfer, type DirectInferOptions } from '../../../../gateway/http/direct/direct-infer.js';
import type { RestOptions } from '../../../../gateway/http/rest-options.js';

const BODY = '{"inputs":[{"name":"X","datatype":"UINT8","shape":[1],"data":[7]}]}';

interface Sent {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  destroyed: boolean;
}

/** A request and what becomes of its response. */
function exchange(over: Partial<IncomingMessage> = {}) {
  const request = Object.assign(Readable.from([Buffer.from(BODY)], { objectMode: false }), {
    ...{ method: 'POST', url: '/v2/models/m/infer', headers: {}, complete: true, socket: {} },
    ...over,
  }) as unknown as IncomingMessage;
  const sent: Sent = { destroyed: false };
  let ended: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const response = Object.assign(new EventEmitter(), {
    writeHead(status: number, headers: Record<string, string>) {
      if (Object.values(headers).includes('unsendable')) throw new TypeError('Invalid character in header');
      Object.assign(sent, { status, headers });
      return response;
    },
    end(body: string) {
      sent.body = body;
      ended();
    },
    destroy() {
      sent.destroyed = true;
      ended();
    },
  }) as unknown as ServerResponse;
  return { request, response, sent, done };
}

function direct(over: Partial<RestOptions> = {}, options: Partial<DirectInferOptions> = {}) {
  const logged: string[] = [];
  const logger = { error: (_fields: object, text: string) => void logged.push(text) } as unknown as Logger;
  const rest = {
    calls: new HttpCalls({ maxOpenCalls: 1, maxHeldBytes: 1e6 }),
    maxBodyBytes: 1e6,
    clock: { now: () => 0 },
    maxDeadlineMs: 1000,
    style: { nonFinite: 'null', int64Strings: false },
    infer: async () => ({
      ...{ model: 'm', version: 1, id: '', timing: { queueMs: 0, computeMs: 0, batchRows: 1 } },
      outputs: [{ name: 'Y', datatype: 'UINT8', shape: [1], data: Uint8Array.of(8) }],
    }),
    ...over,
  } as unknown as RestOptions;
  return { logged, infer: new DirectInfer({ site: { check: () => undefined }, rest, logger, ...options }) };
}

test('takes infer requests that are plain, and no others', async () => {
  const { infer } = direct();
  for (const over of [
    { method: 'GET' },
    { url: '/v2/models/m' },
    { url: '/v2/models/m/infer?x' },
    { headers: { origin: 'http://x' } },
  ]) {
    const { request, response } = exchange(over);
    assert.equal(infer.take(request, response), false);
  }
  const elsewhere = direct({}, { site: { check: () => ({ status: 421, error: '' }) } });
  const foreign = exchange();
  assert.equal(elsewhere.infer.take(foreign.request, foreign.response), false);
  const { request, response, sent, done } = exchange();
  assert.equal(infer.take(request, response), true);
  await done;
  assert.deepEqual(
    [sent.status, JSON.parse(sent.body ?? '')],
    [
      200,
      {
        model_name: 'm',
        model_version: '1',
        outputs: [{ name: 'Y', datatype: 'UINT8', shape: [1], data: [8] }],
      },
    ],
  );
});

test('whatever throws, the request ends: with an error, or cut off where not even that can be sent', async () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  const tracing = { tracer: { active: true, debug: false, begin: boom }, clock: { now: () => 0 } };
  for (const { infer, logged } of [
    direct({ infer: boom }),
    direct({ calls: { begin: boom } as unknown as HttpCalls }),
    direct({}, { tracing }),
  ]) {
    const { request, response, sent, done } = exchange({ complete: false });
    assert.equal(infer.take(request, response), true);
    await done;
    assert.deepEqual([sent.status, sent.headers?.['connection']], [500, 'close']);
    assert.equal(JSON.parse(sent.body ?? '').code, 'INTERNAL');
    assert.deepEqual(logged, ['an HTTP request failed']);
  }
  const { infer, logged } = direct();
  const { request, response, sent, done } = exchange({ headers: { 'x-request-id': 'unsendable' } });
  infer.take(request, response);
  await done;
  assert.deepEqual([sent.destroyed, sent.status], [true, undefined]);
  assert.deepEqual(logged, ['an HTTP request failed', 'an error could not be sent over HTTP']);
});
