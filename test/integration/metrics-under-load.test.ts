/** Scrapes of a server that has its hands full, by one and by many; and what clients can do to the page. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { frame, RawClient } from '../support/raw-grpc.js';
import { scrapePage } from '../support/scrape.js';
import { useWaiting, waitingRow } from '../support/waiting-server.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const CONCURRENT = 100;
const LIMIT_MS = 50;

interface Answer {
  readonly ms: number;
  /** CPU time of the process as the page tells it: no two pages have the same. */
  readonly made: string | undefined;
}

/** One request over a connection of its own, with as little work here as can be: the server is in this process. */
async function ask(port: number, path: string): Promise<Answer> {
  const startedAt = performance.now();
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => void chunks.push(chunk));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  await once(socket, 'end');
  const ms = performance.now() - startedAt;
  const text = Buffer.concat(chunks).toString();
  return { ms, made: /^sluice_process_cpu_seconds_total\{mode="user"\} .*$/m.exec(text)?.[0] };
}

function slowest(answers: readonly Answer[]): number {
  return Math.max(...answers.map(({ ms }) => ms));
}

/** The figure below which so large a share of them is. */
function quantile(figures: readonly number[], share: number): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length * share)] as number;
}

/**
 * What scrapes take beyond a request that nothing is done for, sent just before, so many at a time: what others do on this machine is in both.
 */
async function pairs(port: number, count: number, atOnce: number) {
  const found: { more: number; whole: number; pages: number }[] = [];
  for (let i = 0; i < count; i++) {
    const send = (path: string) => Promise.all(Array.from({ length: atOnce }, () => ask(port, path)));
    const nothing = await send('/none');
    const scrapes = await send('/metrics');
    const whole = slowest(scrapes);
    const pages = new Set(scrapes.map(({ made }) => made));
    assert.ok(!pages.has(undefined), 'a scrape without a page');
    found.push({ more: whole - slowest(nothing), whole, pages: pages.size });
    await sleep(20);
  }
  return found;
}

test('H108 beside 100 calls at a time a scrape takes less than 50 ms, and so do a hundred scrapes at once', async (t) => {
  const { grpcPort, metricsPort } = await useWaiting(t, {
    wait: { costMs: { fixed: 50 }, maxBatchSize: 64 },
  });
  const client = new RawClient(grpcPort);
  const body = frame(waitingRow('wait'));
  let on = true;
  let answered = 0;
  const caller = async (): Promise<void> => {
    while (on) {
      const { status } = await client.call(INFER, body);
      assert.equal(status, 0);
      answered++;
    }
  };
  const callers = Array.from({ length: CONCURRENT }, caller);
  await sleep(300);
  const one = await pairs(metricsPort, 9, 1);
  const hundred = await pairs(metricsPort, 5, CONCURRENT);
  on = false;
  await Promise.all(callers);
  client.close();
  const say = (list: readonly number[]) => list.map((ms) => ms.toFixed(0)).join(' ');
  t.diagnostic(
    `${answered} calls; one scrape: ${say(one.map(({ whole }) => whole))} ms, ${say(one.map(({ more }) => more))} more than nothing; the last of a hundred: ${say(hundred.map(({ whole }) => whole))} ms, ${say(hundred.map(({ more }) => more))} more than of a hundred nothings, ${hundred.map(({ pages }) => pages)} pages`,
  );
  assert.ok(answered > 300, `${answered} calls`);
  const figure = (of: 'more' | 'pages', list: typeof one, share: number) =>
    quantile(
      list.map((pair) => pair[of]),
      share,
    );
  assert.ok(figure('more', one, 0.5) < LIMIT_MS);
  // Of so much at once one half may well have had the machine for itself, and the other not: once in five both had.
  assert.ok(figure('more', hundred, 0) < LIMIT_MS);
  // They share pages; each for itself would be a hundred, and take half a second.
  assert.ok(figure('pages', hundred, 0.5) <= 20);
});

test('H108 a thousand model names that clients make up are one label', async (t) => {
  const running = await useWaiting(t, { wait: { costMs: {} } });
  const client = new RawClient(running.grpcPort);
  const before = (await scrapePage(running)).split('\n').length;
  for (let i = 0; i < 10; i++) {
    const names = Array.from({ length: 100 }, (_, k) => `made-up-${i * 100 + k}`);
    const answers = await Promise.all(names.map((name) => client.call(INFER, frame(waitingRow(name)))));
    for (const { status } of answers) assert.notEqual(status, 0);
  }
  client.close();
  const page = await scrapePage(running);
  assert.ok(!page.includes('made-up'));
  const models = new Set([...page.matchAll(/\bmodel="([^"]*)"/g)].map(([, model]) => model));
  assert.deepEqual([...models].sort(), ['_OTHER', 'wait']);
  const [line] = page.match(/^sluice_requests_total\{model="_OTHER".*$/gm) ?? [];
  assert.equal(line, 'sluice_requests_total{model="_OTHER",version="",code="NOT_FOUND"} 1000');
  const more = page.split('\n').length - before;
  assert.ok(more < 60, `${more} lines more for a thousand names`);
});
