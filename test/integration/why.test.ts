/** What is left of calls that failed, were refused or were slow: lines, `sluice why`, spans; and what must not be. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createClient, type SluiceClientError } from '../../client/client.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import { gatherModel } from '../support/onnx-model.js';
import { useReceiver } from '../support/otlp/receiver.js';
import { runHere } from '../support/run-cli.js';
import { scrapePage } from '../support/scrape.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';
import { useWaiting } from '../support/waiting-server.js';

type Line = Record<string, unknown> & { readonly level: string; readonly text: string };

function logOf(): { lines: Line[]; logger: Record<'debug' | 'info' | 'warn' | 'error', Note> } {
  const lines: Line[] = [];
  const note =
    (level: string): Note =>
    (fields, text) =>
      void lines.push({ ...fields, level, text });
  const logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  return { lines, logger };
}
type Note = (fields: object, text: string) => void;

async function serve(t: TestContext, settings: Settings) {
  const { lines, logger } = logOf();
  const models = { 'gather/1/model.onnx': gatherModel() };
  const repository = makeRepository(t, models);
  const running = await useGateway(t, { modelRepository: [repository], ...settings }, { logger });
  const client = createClient({ address: running.address });
  t.after(() => client.close());
  return { ...running, client, lines };
}

async function failing(call: Promise<unknown>): Promise<SluiceClientError> {
  return call.then(
    () => assert.fail('it should have failed'),
    (error: SluiceClientError) => error,
  );
}

test('sluice why: a failed call by its request id, its trace, and in words that lead on', async (t) => {
  const receiver = await useReceiver(t);
  const endpoint = `http://127.0.0.1:${receiver.grpcPort}`;
  const { client, adminAddress, lines } = await serve(t, {
    trace: { exporter: 'otlp', protocol: 'grpc', endpoint, exportDelayMs: 5, sampler: 'always_off' },
  });
  const gather = client.model('gather');
  await failing(gather.predict({ I: [[4711]] }, { requestId: 'order-7/a' }));
  await failing(gather.predict({ I: [[4712]] }, { requestId: 'order-8' }));
  const span = await receiver.until((spans) =>
    spans.find(({ attributes }) => attributes['sluice.request.id'] === 'order-7/a'),
  );
  const why = (...args: string[]) => runHere(['why', ...args, '--endpoint', adminAddress]);

  const found = await why('order-7');
  assert.equal(found.code, 0, found.stderr);
  assert.match(
    found.stdout,
    /^order-7\/a {2}failed, INVALID_ARGUMENT \(bad_request\)\n {2}model {3}gather version 1\n/,
  );
  assert.match(found.stdout, new RegExp(`trace {3}${span.traceId}\n`));
  assert.match(found.stdout, / {2}next {4}the request does not fit the model, or the model refused it/);
  assert.ok(!found.stdout.includes('order-8'));
  const byTrace = await why(span.traceId.slice(0, 12), '--json');
  const [answer] = JSON.parse(byTrace.stdout) as [{ calls: { requestId: string; totalMs: number }[] }];
  assert.deepEqual(
    answer.calls.map(({ requestId }) => requestId),
    ['order-7/a'],
  );
  const all = JSON.parse((await why('--json')).stdout) as [{ calls: { requestId: string }[] }];
  assert.ok(all[0].calls.some(({ requestId }) => requestId === 'order-8'));

  const none = await why('order-9');
  assert.deepEqual([none.code, none.stdout], [1, 'None whose id begins with order-9 is remembered.\n']);
  const line = lines.find(({ requestId }) => requestId === 'order-7/a');
  assert.deepEqual(
    [line?.level, line?.text, line?.['traceId'], line?.['reason'], line?.['version']],
    ['info', 'a call failed', span.traceId, 'bad_request', 1],
  );
});

test('a slow call and a refused one are told with where their time went, and why there was none', async (t) => {
  const { lines, logger } = logOf();
  const models = { wait: { costMs: { fixed: 150 }, maxBatchSize: 1 } };
  const settings = { trace: { slowMs: 100 }, queue: { maxQueueRows: 1 }, workers: { count: 1 } };
  const { address, adminAddress } = await useWaiting(t, models, settings, { logger });
  const client = createClient({ address, maxAttempts: 1 });
  t.after(() => client.close());
  const wait = client.model('wait');
  await wait.metadata();
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const ends = await Promise.allSettled(
    ids.map((requestId) => wait.predict({ X: [[1, 2, 3, 4]] }, { requestId, deadlineMs: 10_000 })),
  );
  const refused = ids.filter((_, i) => ends[i]?.status === 'rejected');
  assert.ok(refused.length >= 1 && refused.length <= 4, `${refused.length} were refused`);
  const why = (...args: string[]) => runHere(['why', ...args, '--endpoint', adminAddress, '--limit', '9']);
  const slow = await why('--fate', 'slow');
  assert.match(slow.stdout, /slow, OK\n/);
  assert.match(slow.stdout, /\d+ ms in all, .* in the queue, \d+ ms in a run of 1 rows/);
  const turnedAway = await why('--fate', 'refused');
  for (const id of refused)
    assert.match(turnedAway.stdout, new RegExp(`^${id} {2}refused, UNAVAILABLE \\(queue_full\\)`, 'm'));
  assert.equal(lines.filter(({ fate }) => fate === 'refused').length, refused.length);
  assert.equal(lines.filter(({ fate }) => fate === 'slow').length, ids.length - refused.length);
  const wrong = await why('--fate', 'odd');
  assert.equal(wrong.code, 2);
});

test('I116 data of an input that is to be kept secret is in no line, span, metric or answer to others, metadata never', async (t) => {
  const receiver = await useReceiver(t);
  const endpoint = `http://127.0.0.1:${receiver.grpcPort}`;
  const running = await serve(t, {
    log: { level: 'debug', redactInputs: ['I'] },
    trace: { exporter: 'otlp', protocol: 'grpc', endpoint, exportDelayMs: 5, slowMs: 0 },
  });
  const { client, adminAddress, lines } = running;
  const gather = client.model('gather');
  const canary = 918273645;
  const headers = { 'x-api-key': 'canary-918273645', cookie: 'id=918273645' };
  const { message } = await failing(gather.predict({ I: [[canary]] }, { requestId: 'r-1', headers }));
  assert.ok(message.includes(String(canary)), `its client is told: ${message}`);
  await gather.predict({ I: [[1]] }, { headers });
  await receiver.until((spans) => spans.filter(({ kind }) => kind === 'server').length >= 3);
  const told = await runHere(['why', '--endpoint', adminAddress]);
  assert.match(told.stdout, /r-1.*\n.*\n.*\n.*\n.*\n {2}why {5}\(left out: it may quote an input/);
  const seen = [
    told.stdout,
    JSON.stringify(lines),
    JSON.stringify(receiver.spans),
    await scrapePage(running),
  ];
  assert.deepEqual(
    seen.map((text) => text.includes(String(canary))),
    [false, false, false, false],
  );
  assert.ok(seen.every((text) => text.length > 100));
});
