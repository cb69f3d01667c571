/** Bad input over HTTP: what gRPC refuses is refused here, with the same code; and what only HTTP can get wrong. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ask } from '../support/http-client.js';
import { addModel, gatherModel, identityModel, vanishingModel } from '../support/onnx-model.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

const INFER = '/v2/models/add/infer';
const ROW = { name: 'X', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
const MAX_BODY = 200_000;

const start = (t: TestContext) =>
  useGateway(t, {
    modelRepository: [
      EXAMPLES,
      makeRepository(t, {
        'add/1/model.onnx': addModel(1),
        'gather/1/model.onnx': gatherModel(),
        'vanishing/1/model.onnx': vanishingModel(),
        'doubles/1/model.onnx': identityModel('FP64', ['N', 4]),
        'longs/1/model.onnx': identityModel('INT64', ['N', 1]),
        'texts/1/model.onnx': identityModel('BYTES', ['N', 1]),
      }),
    ],
    workers: { count: 1 },
    http: { maxBodyBytes: MAX_BODY },
  });

/** A tensor of eight numbers more than there are bytes for them says how large it would be, and is not made. */
const HUGE = { ...ROW, shape: [2 ** 31, 2 ** 31] };

test('C60 the twins of C44 to C50, C53, C54, C57 and C58: the codes of gRPC, and statuses that fit them', async (t) => {
  const { httpPort } = await start(t);
  const odd = (change: object) => ({ inputs: [{ ...ROW, ...change }] });
  for (const [what, path, body, status, code] of [
    ['C44 unknown model', '/v2/models/nobody/infer', odd({}), 404, 'NOT_FOUND'],
    ['C44 unknown version', '/v2/models/add/versions/9/infer', odd({}), 404, 'NOT_FOUND'],
    ['C44 unknown output', INFER, { inputs: [ROW], outputs: [{ name: 'Z' }] }, 400, 'INVALID_ARGUMENT'],
    ['C45 a path for a name', '/v2/models/..%2f..%2fetc/infer', odd({}), 400, 'INVALID_ARGUMENT'],
    ['C45 NUL', '/v2/models/a%00b/infer', odd({}), 400, 'INVALID_ARGUMENT'],
    ['C46 missing', INFER, { inputs: [] }, 400, 'INVALID_ARGUMENT'],
    ['C46 extra', INFER, { inputs: [ROW, { ...ROW, name: 'Q' }] }, 400, 'INVALID_ARGUMENT'],
    ['C46 twice', INFER, { inputs: [ROW, ROW] }, 400, 'INVALID_ARGUMENT'],
    ['C47 another datatype', INFER, odd({ datatype: 'FP64' }), 400, 'INVALID_ARGUMENT'],
    ['C47 no datatype', INFER, odd({ datatype: 'FP31' }), 400, 'INVALID_ARGUMENT'],
    ['C47 texts', INFER, odd({ datatype: 'BYTES', data: ['a', 'b', 'c', 'd'] }), 400, 'INVALID_ARGUMENT'],
    ['C48 negative', INFER, odd({ shape: [-1, 4] }), 400, 'INVALID_ARGUMENT'],
    ['C48 rank', INFER, odd({ shape: [4] }), 400, 'INVALID_ARGUMENT'],
    ['C48 overflow', INFER, { inputs: [HUGE] }, 400, 'INVALID_ARGUMENT'],
    ['C48 many', INFER, odd({ shape: Array.from({ length: 20_000 }, () => 1) }), 400, 'INVALID_ARGUMENT'],
    ['C49 too few', INFER, odd({ data: [1, 2, 3] }), 400, 'INVALID_ARGUMENT'],
    [
      'C53 too large',
      '/v2/models/longs/infer',
      { inputs: [{ name: 'X', shape: [1, 1], datatype: 'INT64', data: '@' }] },
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'C54 NUL in a text',
      '/v2/models/texts/infer',
      { inputs: [{ name: 'X', shape: [1, 1], datatype: 'BYTES', data: ['a', 'b'] }] },
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'C55 out of the table',
      '/v2/models/gather/infer',
      { inputs: [{ name: 'I', shape: [1, 1], datatype: 'INT64', data: [99] }] },
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'C58 a known parameter',
      INFER,
      { inputs: [ROW], parameters: { priority: -1 } },
      400,
      'INVALID_ARGUMENT',
    ],
  ] as const) {
    const text = JSON.stringify(body).replace('"@"', '[9223372036854775808]');
    const answer = await ask(httpPort, path, text);
    const told = answer.json<{ error: string; code: string }>();
    assert.deepEqual([answer.status, told.code], [status, code], `${what}: ${told.error}`);
    assert.ok(told.error.length < 1100, what);
  }
  assert.equal((await ask(httpPort, INFER, { inputs: [ROW], parameters: { mine: 'x' } })).status, 200);
});

test('C60 the twins of C50 to C53 and C59: what is answered is exact', async (t) => {
  const { httpPort } = await start(t);
  const infer = async (model: string, input: object) => {
    const answer = await ask(httpPort, `/v2/models/${model}/infer`, { inputs: [input] });
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.body.toString();
  };
  const none = await ask(httpPort, INFER, { inputs: [{ ...ROW, shape: [0, 4], data: [] }] });
  assert.equal(none.status, 400, 'as over gRPC');
  const rows = Array.from({ length: 300 }, (_, i) => [i, 0, 0, 0]);
  const many = await ask(httpPort, INFER, { inputs: [{ ...ROW, shape: [300, 4], data: rows }] });
  assert.match(many.json<{ error: string }>().error, /batch-size must be <= 256 for 'add'/);
  const odd = '{"inputs":[{"name":"X","shape":[1,4],"datatype":"FP64","data":[NaN,-Infinity,-0,5e-324]}]}';
  const bits = await ask(
    httpPort,
    '/v2/models/doubles/infer',
    odd.replace('"inputs"', '"parameters":{"binary_data_output":true},"inputs"'),
  );
  const from = Number(bits.headers['inference-header-content-length']);
  const view = new DataView(new Uint8Array(bits.body.subarray(from)).buffer);
  assert.deepEqual(
    [0, 8, 16, 24].map((at) => view.getFloat64(at, true)),
    [Number.NaN, Number.NEGATIVE_INFINITY, -0, 5e-324],
  );
  const json = await ask(httpPort, '/v2/models/doubles/infer', odd);
  assert.match(json.body.toString(), /"parameters":\{"non_finite":2\},"data":\[null,null,-0,5e-324\]/);
  const long =
    '{"inputs":[{"name":"X","shape":[2,1],"datatype":"INT64","data":[9007199254740993,-9223372036854775808]}]}';
  assert.match(
    (await ask(httpPort, '/v2/models/longs/infer', long)).body.toString(),
    /\[9007199254740993,-9223372036854775808\]/,
  );
  const twice = await Promise.all([1, 2].map((first) => infer('add', { ...ROW, data: [first, 0, 0, 0] })));
  assert.ok(twice[0]?.includes('[2,1,1,1]') && twice[1]?.includes('[3,1,1,1]'));
});

test('C60 JSON that is none, bodies that are too large, wrong charsets: 400, 413, 415, and prototypes are clean', async (t) => {
  const { httpPort } = await start(t);
  const deep = '['.repeat(10_000);
  for (const [what, body, status, headers] of [
    ['1e999', JSON.stringify({ inputs: [ROW] }).replace('[1,2,3,4]', '[1e999,2,3,4]'), 400, {}],
    ['a name twice', '{"inputs":[],"inputs":[]}', 400, {}],
    ['__proto__', '{"__proto__":{"polluted":true},"inputs":[]}', 400, {}],
    ['depth', `{"inputs":${deep}`, 400, {}],
    ['depth in what is skipped', `{"more":${deep}`, 400, {}],
    ['a byte order mark', `\ufeff${JSON.stringify({ inputs: [ROW] })}`, 400, {}],
    ['nothing', '', 400, {}],
    ['UTF-16', Buffer.from(JSON.stringify({ inputs: [ROW] }), 'utf16le'), 400, {}],
    [
      'charset',
      JSON.stringify({ inputs: [ROW] }),
      415,
      { 'content-type': 'application/json; charset=utf-16' },
    ],
    ['too large', 'x'.repeat(MAX_BODY + 1), 413, {}],
    ['too large, chunked', 'x'.repeat(MAX_BODY + 1), 413, { 'transfer-encoding': 'chunked' }],
    ['a bomb', gzipSync(Buffer.alloc(50 * MAX_BODY, 0x20)), 413, { 'content-encoding': 'gzip' }],
    ['a million names', `{${Array.from({ length: 15_000 }, (_, i) => `"${i}":0`).join()}}`, 400, {}],
  ] as const) {
    const answer = await ask(httpPort, INFER, body, { headers });
    assert.equal(answer.status, status, `${what}: ${answer.body.subarray(0, 300)}`);
    assert.equal(typeof answer.json<{ code: string }>().code, 'string', what);
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.equal((await ask(httpPort, INFER, { inputs: [ROW] })).status, 200);
});

/** Sends bytes as they are; what came back when the server ended the connection, or after `waitMs`. */
async function raw(port: number, bytes: string, waitMs: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let said = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    said += text;
  });
  const closed = new Promise<void>((resolve) => socket.on('error', () => {}).on('close', () => resolve()));
  socket.write(bytes);
  const timer = setTimeout(() => socket.destroy(), waitMs);
  await closed;
  clearTimeout(timer);
  return said;
}

test('C60 lies about lengths, pipelined garbage, clients that leave: a 4xx or nothing, and the next client is served', async (t) => {
  const { httpPort, gateway } = await start(t);
  const body = JSON.stringify({ inputs: [ROW] });
  const head = `POST ${INFER} HTTP/1.1\r\nhost: localhost\r\n`;
  const good = `${head}content-length: ${body.length}\r\n\r\n${body}`;
  const pipelined = await raw(httpPort, `${good}\x00\x01 garbage\r\n\r\n`, 3000);
  assert.match(pipelined, /^HTTP\/1\.1 (?:200 OK|400)/);
  assert.match(
    await raw(httpPort, `${head}transfer-encoding: chunked\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`, 3000),
    /^HTTP\/1\.1 400/,
  );
  assert.match(
    await raw(httpPort, `${head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 3000),
    /^HTTP\/1\.1 400/,
  );
  assert.match(await raw(httpPort, `${head}content-length: 3\r\n\r\n${body}`, 3000), /^HTTP\/1\.1 400/);
  assert.match(await raw(httpPort, `${head}content-length: -1\r\n\r\n${body}`, 3000), /^HTTP\/1\.1 400/);
  // Shorter than announced: the client leaves in the middle.
  assert.equal(await raw(httpPort, `${head}content-length: ${body.length + 10}\r\n\r\n${body}`, 200), '');
  const two = await raw(httpPort, good + good.replace('\r\nhost', '\r\nconnection: close\r\nhost'), 3000);
  assert.equal(two.match(/HTTP\/1\.1 200 OK/g)?.length, 2, two);
  assert.equal((await ask(httpPort, INFER, { inputs: [ROW] })).status, 200);
  assert.equal(gateway.batcher.stats().entries, 0);
});

test('requests beyond what may be held are 503 with a time to come back, and the room comes back', async (t) => {
  const { httpPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'add/1/model.onnx': addModel(1) })],
    workers: { count: 1 },
    http: { maxBodyBytes: 1_000_000, maxHeldBytes: 1024 * 1024 },
  });
  const head = `POST ${INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900000\r\n\r\n`;
  const slow = connect(httpPort, '127.0.0.1');
  await once(slow, 'connect');
  slow.on('error', () => {}).write(`${head}${' '.repeat(890_000)}`);
  const large = ' '.repeat(400_000);
  let answer = await ask(httpPort, INFER, large);
  for (let i = 0; i < 100 && answer.status === 400; i++) answer = await ask(httpPort, INFER, large);
  assert.equal(answer.status, 503, answer.body.toString());
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  slow.destroy();
  for (let i = 0; i < 100 && answer.status === 503; i++) answer = await ask(httpPort, INFER, large);
  assert.equal(answer.status, 400);
});
