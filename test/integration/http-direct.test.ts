/** Infer requests that are answered before Fastify sees them, beside those that are left to it: nobody can tell which is which. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeFolder } from '../support/certificates.js';
import { ask, type HttpAsk } from '../support/http-client.js';

import { tokenLine } from '../support/tokens.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';

const INFER = '/v2/models/iris/infer';
const flower = (rows = 1): object => ({
  inputs: [
    {
      name: 'X',
      shape: [rows, 4],
      datatype: 'FP32',
      data: Array.from({ length: rows }, () => [5.1, 3.5, 1.4, 0.2]),
    },
  ],
});
const binary = { ...flower(), parameters: { binary_data_output: true } };

interface Case {
  readonly path?: string;
  readonly body?: string | Uint8Array | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
}

const CASES: Readonly<Record<string, Case>> = {
  'an answer': { body: flower(), status: 200 },
  'a version': { path: '/v2/models/iris/versions/1/infer', body: flower(), status: 200 },
  'an id in a header, and timing': {
    body: flower(),
    headers: { 'x-request-id': 'r-7', 'sluice-server-timing': '1' },
    status: 200,
  },
  'an id in the body': { body: { ...flower(), id: 'b-1' }, headers: { 'x-request-id': 'r-7' }, status: 200 },
  'a large answer': { body: flower(200), status: 200 },
  'a large answer, packed': { body: flower(200), headers: { 'accept-encoding': 'gzip' }, status: 200 },
  'a packed request': {
    body: gzipSync(JSON.stringify(flower())),
    headers: { 'content-encoding': 'gzip' },
    status: 200,
  },
  'tensors as bytes': { body: binary, headers: { 'accept-encoding': 'gzip' }, status: 200 },
  'no body': { body: '', status: 400 },
  'no JSON': { body: '{"inputs":', status: 400 },
  'a model that is not there': { path: '/v2/models/none/infer', body: flower(), status: 404 },
  'a version that is not there': {
    path: '/v2/models/iris/versions/99/infer',
    body: flower(),
    status: 404,
  },
  'another shape': {
    body: { inputs: [{ name: 'X', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] }] },
    status: 400,
  },
  'a length of the JSON that is none': {
    body: flower(),
    headers: { 'inference-header-content-length': '-1' },
    status: 400,
  },
  'a time that is none': { body: flower(), headers: { 'sluice-timeout-ms': 'soon' }, status: 400 },
  'no time at all': { body: flower(), headers: { 'sluice-timeout-ms': '0' }, status: 504 },
  'another charset': {
    body: flower(),
    headers: { 'content-type': 'application/json; charset=utf-16' },
    status: 415,
  },
  'another packing': { body: flower(), headers: { 'content-encoding': 'br' }, status: 415 },
  'a packing that is none': { body: flower(), headers: { 'content-encoding': 'gzip' }, status: 400 },
  'more than is taken': { body: Buffer.alloc(70_000, ' '), status: 413 },
  'no token': { body: flower(), headers: { authorization: '' }, status: 401 },
  'a token that may not': { body: flower(), headers: { authorization: 'Bearer r-1' }, status: 403 },
};

/** What does not depend on when it was; Fastify closes connections of requests whose bodies it could not use, though they were read. */
function comparable(headers: Readonly<Record<string, unknown>>): object {
  const {
    date: _date,
    connection: _close,
    'keep-alive': _keep,
    'server-timing': timing,
    ...others
  } = headers;
  return { ...others, timing: typeof timing === 'string' ? timing.replace(/[\d.]+/g, 'n') : undefined };
}

/** Without how late a request was. */
function textOf(body: Buffer): string {
  return body.toString('latin1').replace(/passed [\d.]+ ms/, 'passed n ms');
}

test('an infer request is answered alike whether Fastify sees it or not', async (t) => {
  const tokens = tokenLine('app', 'infer', 'i-1') + tokenLine('reader', 'read', 'r-1');
  const { httpPort } = await useGateway(t, {
    modelRepository: [EXAMPLES],
    workers: { count: 1 },
    models: { iris: { versionPolicy: 'all' } },
    http: { maxBodyBytes: 65_536 },
    auth: { tokensFile: makeFolder(t).write('tokens', tokens), reloadSecs: 1 },
  });
  for (const [what, { path = INFER, body, headers, status }] of Object.entries(CASES)) {
    const sent: HttpAsk = { headers: { authorization: 'Bearer i-1', ...headers } };
    const direct = await ask(httpPort, path, body, sent);
    // A query string, which means nothing, is out of the ordinary.
    const usual = await ask(httpPort, `${path}?`, body, sent);
    assert.equal(direct.status, status, `${what}: ${direct.body}`);
    assert.equal(usual.status, status, what);
    assert.deepEqual(comparable(direct.headers), comparable(usual.headers), what);
    assert.equal(textOf(direct.body), textOf(usual.body), what);
  }
});
