/** What slow, silent and greedy clients may hold of the gRPC front. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FLAG, FRAME, frame as h2Frame, PREFACE, settingsFrame } from '../../gateway/http2/frames.js';
import { FULL } from '../support/attacked-server.js';
import { ECHO, echo, gate, hello, start, unary } from '../support/grpc-echo.js';
import { startServices } from '../support/grpc-services.js';
import { answerOf, frame, type RawAnswer, RawClient } from '../support/raw-grpc.js';
import { openCall, RawH2 } from '../support/raw-h2.js';
import { len } from '../support/wire-bytes.js';

const MIB = 2 ** 20;

/** How long until the server closes a connection on which these bytes were sent; Infinity when it does not in 2 s. */
async function closedAfterMs(port: number, bytes: Uint8Array): Promise<number> {
  const client = await RawH2.connect(port);
  const begun = performance.now();
  if (bytes.length > 0) client.send(bytes);
  const closed = await client.until(() => client.closed);
  client.close();
  return closed ? performance.now() - begun : Number.POSITIVE_INFINITY;
}

async function eventually(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = FULL ? 30_000 : 5000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    assert.ok(performance.now() < end, `not within ${timeoutMs} ms: ${condition}`);
    await sleep(10);
  }
}

test('A2 A3 a connection that says nothing, or half a preface, is closed in time; one that opens HTTP/2 stays', async (t) => {
  const { port } = await start(t, [echo], { openingTimeoutMs: 200 });
  for (const bytes of [Buffer.alloc(0), PREFACE.subarray(0, 12), PREFACE]) {
    const ms = await closedAfterMs(port, bytes);
    assert.ok(ms >= 190 && ms < 1700, `${bytes.length} bytes: ${ms} ms`);
  }
  const good = await RawH2.open(port);
  assert.equal(await good.until(() => good.closed, 900), false);
  good.close();
});

test('A2 silent connections fill the server, and a real client is served all the same', async (t) => {
  const { port, client } = await start(t, [echo], { maxConnections: 50, openingTimeoutMs: 2000 });
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
  const silent = await Promise.all(Array.from({ length: 200 }, () => RawH2.connect(port)));
  const closed = (): number => silent.filter((each) => each.closed).length;
  await eventually(() => closed() >= 151, 1800);
  assert.equal(closed(), 151, 'the limit holds');
  const late = new RawClient(port);
  assert.equal((await late.call(ECHO, frame(hello))).status, 0);
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
  late.close();
  await eventually(() => closed() === 200);
});

test('A2 a server full of clients that do speak closes what is new', async (t) => {
  const { port, client } = await start(t, [echo], { maxConnections: 2 });
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
  const second = new RawClient(port);
  assert.equal((await second.call(ECHO, frame(hello))).status, 0);
  assert.ok((await closedAfterMs(port, Buffer.alloc(0))) < 500);
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
  second.close();
  await eventually(async () => {
    const third = new RawClient(port);
    const { status } = await third.call(ECHO, frame(hello));
    third.close();
    return status === 0;
  });
});

test('A13 A14 a request that comes too slowly, or never ends, is DEADLINE_EXCEEDED at the server’s maximum; none is run', async (t) => {
  let runs = 0;
  const count = unary(async () => {
    runs++;
    return hello;
  });
  const { client } = await start(t, [count], { maxDeadlineMs: 200 });
  const slow = client.open(ECHO);
  const endless = client.open(ECHO);
  const silent = client.open(ECHO);
  const answers = [slow, endless, silent].map(answerOf);
  const begun = performance.now();
  for (const stream of [slow, endless, silent]) stream.on('response', () => stream.close());
  endless.write(frame(hello));
  const drip = setInterval(() => {
    if (!slow.destroyed) slow.write(Buffer.alloc(1));
  }, 50);
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, 4);
    assert.match(answer.message, /deadline passed/);
  }
  const ms = performance.now() - begun;
  clearInterval(drip);
  assert.ok(ms >= 195 && ms < 900, `${ms} ms`);
  assert.equal(runs, 0);
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
});

test('A12 a client that takes nothing of an answer loses its call; one that takes it slowly does not', async (t) => {
  const large = unary(async () => Buffer.alloc(5 * MIB, 'x'));
  const { port, client } = await start(t, [large], { sendStallMs: 1000 });
  const stuck = await RawH2.open(port, [[4, 0]]);
  stuck.send(openCall(1, ECHO), h2Frame(FRAME.data, FLAG.endStream, 1, frame(hello)));
  // It answers pings and sends its own: still, it takes nothing.
  const pings = setInterval(() => stuck.send(h2Frame(FRAME.ping, 0, 0, Buffer.alloc(8))), 20);
  const slow = client.open(ECHO);
  const answer = answerOf(slow);
  // A window's worth every half second is progress; then the rest.
  slow.pause();
  const sips = setInterval(() => slow.read(64 * 1024), 400);
  slow.end(frame(hello));
  assert.ok(await stuck.until(() => stuck.resetOf(1) !== undefined, 5000));
  clearInterval(pings);
  clearInterval(sips);
  slow.resume();
  const { status, messages } = await answer;
  assert.equal(status, 0);
  assert.equal(messages[0]?.length, 5 * MIB);
  stuck.close();
});

test('A12 clients that take no answers lose them sooner when they hold half of what is for all; others are served', async (t) => {
  const large = unary(async () => Buffer.alloc(MIB, 'x'));
  const small = { ...echo, path: '/test.Echo/Small' };
  const { port, client } = await start(t, [large, small], {
    maxMessageBytes: 4 * MIB,
    maxWireBytes: 16 * MIB,
  });
  const stuck = await RawH2.open(port, [[4, 0]]);
  for (let i = 0; i < 20; i++)
    stuck.send(openCall(2 * i + 1, ECHO), h2Frame(FRAME.data, FLAG.endStream, 2 * i + 1, frame(hello)));
  await stuck.until(() => stuck.frames.filter(({ type }) => type === FRAME.headers).length === 20);
  const large2 = { 'grpc-timeout': '10S' };
  assert.equal((await client.call(ECHO, frame(hello), large2)).status, 14);
  assert.equal((await client.call('/test.Echo/Small', frame(hello))).status, 0);
  // The usual limit is ten seconds.
  await eventually(async () => (await client.call(ECHO, frame(hello), large2)).status === 0);
  stuck.close();
});

test('A15 a client queues calls over the limit of streams, and all are answered', async (t) => {
  const { client } = await start(t, [echo], { maxConcurrentStreams: 3 });
  await once(client.session, 'remoteSettings');
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.call(ECHO, frame(hello))));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([0]));
});

test('A17 a client that answers no ping is closed, and what it asked for is given up', async (t) => {
  const held = gate();
  const { port } = await start(t, [unary(held.handler)], { keepaliveTimeMs: 100, keepaliveTimeoutMs: 100 });
  const vanished = await RawH2.open(port);
  vanished.send(openCall(1, ECHO), h2Frame(FRAME.data, FLAG.endStream, 1, frame(hello)));
  const begun = performance.now();
  const { cancellation } = await held.context;
  await new Promise<void>((resolve) => cancellation.listen(resolve));
  const ms = performance.now() - begun;
  assert.ok(ms >= 150 && ms < 3000, `${ms} ms`);
  held.answer(hello);
  vanished.close();
});

test('A18 a connection of its age is told to go; its call ends well, the next one comes on another', async (t) => {
  const held = gate();
  const { client, port } = await start(t, [unary(held.handler)], { maxConnectionAgeMs: 200 });
  const answer = client.call(ECHO, frame(hello));
  await held.context;
  const begun = performance.now();
  await once(client.session, 'goaway');
  assert.ok(performance.now() - begun < 1000);
  held.answer(hello);
  assert.equal((await answer).status, 0);
  await once(client.session, 'close');
  const next = new RawClient(port);
  assert.equal((await next.call(ECHO, frame(hello))).status, 0);
  next.close();
});

test('A18 a connection without calls for longer than the limit is told to go', async (t) => {
  const { client } = await start(t, [echo], { maxConnectionIdleMs: 150 });
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
  await once(client.session, 'goaway');
});

test('F93 whole requests whose streams do not end are held for no longer than they may, and count', async (t) => {
  const { client } = await start(t, [echo], {
    maxMessageBytes: MIB,
    maxWireBytes: 4 * MIB,
    maxDeadlineMs: 1500,
  });
  const body = frame(Buffer.alloc(MIB - 100));
  const answers: Promise<RawAnswer>[] = [];
  for (let i = 0; i < 12; i++) {
    const stream = client.open(ECHO);
    answers.push(answerOf(stream));
    stream.write(body);
    stream.on('response', () => stream.close());
    // So that each is whole before the next one comes.
    await sleep(20);
  }
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual(new Set(statuses), new Set([4, 14]));
  const held = statuses.filter((status) => status === 4).length;
  assert.ok(held >= 2 && held <= 4, `${held} were held`);
  assert.equal((await client.call(ECHO, body)).status, 0);
});

test('F93 what is only announced keeps nobody out', async (t) => {
  const { client } = await start(t, [echo], { maxMessageBytes: 4 * MIB, maxWireBytes: 8 * MIB });
  const body = frame(Buffer.alloc(4 * MIB));
  const announced = Array.from({ length: 20 }, () => {
    const stream = client.open(ECHO);
    stream.on('error', () => {});
    stream.write(body.subarray(0, 6));
    return stream;
  });
  await sleep(50);
  assert.equal((await client.call(ECHO, body)).status, 0);
  for (const stream of announced) stream.close(8);
});

test('F93 requests of more bytes than are allowed on the wire: some are refused before they are whole, the rest answered', async (t) => {
  const sums = new Set<string>();
  const sum = unary(async (body) => {
    sums.add(createHash('md5').update(body).digest('hex'));
    return hello;
  });
  const { port } = await start(t, [sum], {
    maxMessageBytes: 4 * MIB,
    maxWireBytes: 16 * MIB,
    maxDeadlineMs: 20_000,
  });
  const body = frame(Buffer.alloc(2 * MIB, 'x'));
  const client = new RawClient(port);
  const finishers: (() => void)[] = [];
  // All but the last bytes are sent at once; the ends come when the server has had its say.
  const calls = Array.from({ length: 40 }, () => {
    const stream = client.open(ECHO);
    const answer = answerOf(stream);
    stream.write(body.subarray(0, body.length - 1));
    // As gRPC clients do when the answer is there before all of the request is sent.
    stream.on('response', (headers) => {
      if ('grpc-status' in headers) stream.close();
    });
    finishers.push(() => {
      if (!stream.destroyed) stream.end(body.subarray(body.length - 1));
    });
    return answer;
  });
  const settled = await Promise.race([...calls, sleep(3000, undefined, { ref: false })]);
  assert.equal(settled?.status, 14);
  assert.equal(settled?.headers['grpc-retry-pushback-ms'], '100');
  assert.match(settled?.message ?? '', /byte budget is spent/);
  const other = new RawClient(port);
  assert.equal((await other.call(ECHO, frame(hello))).status, 0);
  other.close();
  await sleep(300);
  for (const finish of finishers) finish();
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  const served = statuses.filter((status) => status === 0).length;
  assert.ok(served >= 4 && served <= 8, `${served} of 40 were served`);
  assert.equal(statuses.filter((status) => status === 14).length, 40 - served);
  // What was served had come whole.
  assert.equal(sums.size, 2);
  client.close();
});

test('B42 reserved metadata and a user agent of 8 KB change nothing', async (t) => {
  const { client } = await start(t, [echo]);
  const answer = await client.call(ECHO, frame(hello), {
    'grpc-status': '13',
    'grpc-message': 'no',
    'grpc-unheard-of': 'x',
    'grpc-previous-rpc-attempts': '-1',
    'user-agent': 'a'.repeat(8192),
  });
  assert.equal(answer.status, 0);
  assert.deepEqual(answer.messages, [hello]);
});

test('G99 many watchers of a model that flips: each is told the latest status only, and one that reads nothing costs one message', async (t) => {
  const { catalog, port } = await startServices(t);
  catalog.set('m', 1, 'available');
  const watch = (stream: number): Buffer =>
    Buffer.concat([
      openCall(stream, '/grpc.health.v1.Health/Watch'),
      h2Frame(FRAME.data, FLAG.endStream, stream, frame(len(1, 'sluice.model/m'))),
    ]);
  const watchers = await Promise.all(
    Array.from({ length: FULL ? 20 : 4 }, async (_, i) => {
      // The first takes nothing.
      const client = await RawH2.open(port, i === 0 ? [[4, 0]] : []);
      client.send(...Array.from({ length: 500 }, (_, k) => watch(2 * k + 1)));
      return client;
    }),
  );
  const received = (client: RawH2): number => client.frames.filter(({ type }) => type === FRAME.data).length;
  const [stuck, ...reading] = watchers as [RawH2, ...RawH2[]];
  await eventually(() => reading.every((client) => received(client) === 500));
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i <= 1000; i++) catalog.set('m', 1, i % 2 === 0 ? 'unloaded' : 'available');
  await eventually(() => reading.every((client) => received(client) === 1000));
  assert.ok(process.memoryUsage().arrayBuffers - before < MIB);
  stuck.send(settingsFrame([[4, 65_535]]));
  // What it was told first, and what is true now.
  await eventually(() => received(stuck) === 1000);
  for (const client of watchers) client.close();
});
