/** Clients that try again, or twice at once: what that costs a server that has too much to do already. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Model, SluiceClientError } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import { countedRuns, type SentRun } from '../support/counted-runs.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { scrape } from '../support/scrape.js';
import { firstThat, percent, stolenTime, utilization } from '../support/utilization.js';
import { inferDirectly, useWaiting, waitingRow } from '../support/waiting-server.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const ROW = { X: [[1, 2, 3, 4]] };
/** 2 workers, 8 rows in 200 ms: 80 rows/s. */
const SLOW = { costMs: { fixed: 120, perRow: 10 }, maxBatchSize: 8 };

/** Begins `call` at a steady rate for a while, and waits for all of them. */
async function steadily(ratePerS: number, durationMs: number, call: () => Promise<unknown>): Promise<number> {
  const startedAt = systemClock.now();
  const calls: Promise<unknown>[] = [];
  for (let now = startedAt; now < startedAt + durationMs; now = systemClock.now()) {
    while (calls.length < ((now - startedAt) * ratePerS) / 1000) calls.push(call());
    await sleep(5);
  }
  await Promise.all(calls);
  return calls.length;
}

function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'OK',
    (error: unknown) => {
      assert.ok(error instanceof SluiceClientError);
      return error.code;
    },
  );
}

test('F94 a server that refuses everything: our client’s retry throttle keeps its load within 1.1 times of its calls', async (t) => {
  // No doorman: whom he turns away is in no model's count.
  const settings = { queue: { maxQueueRows: 1 }, grpc: { earlyRefusal: false } };
  const running = await useWaiting(t, { wait: { costMs: { fixed: 20 } } }, settings);
  const { gateway, address } = running;
  const client = createClient({ address });
  t.after(() => client.close());
  const wait = client.model('wait');
  await wait.metadata();
  gateway.batcher.hold();
  const waiting = inferDirectly(gateway, 'wait');
  const codes: string[] = [];
  const lane = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) codes.push(await codeOf(wait.predict(ROW, { deadlineMs: 20_000 })));
  };
  await Promise.all(Array.from({ length: 20 }, lane));
  assert.deepEqual([codes.length, new Set(codes)], [1000, new Set(['UNAVAILABLE'])]);
  gateway.batcher.release();
  await waiting;
  const arrived = (await scrape(running, 'sluice_requests_total{model="wait"')) - 1;
  t.diagnostic(`1000 calls became ${arrived}`);
  assert.ok(arrived > 1000, 'none was tried again');
  assert.ok(arrived <= 1100, `${arrived} requests of 1000 calls`);
});

/** How much of what the workers could do they did, from a half second after the start of a load. */
async function workersUsed(
  runs: SentRun[],
  load: () => Promise<number>,
): Promise<{ calls: number; used: number; stolenShare: number }> {
  const since = systemClock.now();
  const stolen = stolenTime();
  const calls = await load();
  const stolenShare = stolen();
  const used = utilization(runs, { maxRows: 8, sinceMs: since + 500, untilMs: since + 2500 });
  return { calls, used, stolenShare };
}

test('F94 four times of what the server can do, by our client: within 1.1 times of its calls, and goodput stays', async (t) => {
  const { openChannel, runs } = countedRuns();
  const running = await useWaiting(t, { wait: SLOW }, {}, { openChannel });
  const client = createClient({ address: running.address });
  t.after(() => client.close());
  const wait = client.model('wait');
  await wait.metadata();
  let called = 0;
  const { used, stolenShare } = await firstThat(
    (found) => found.used >= 0.9 - found.stolenShare,
    async () => {
      const found = await workersUsed(runs, () =>
        steadily(320, 2500, () => codeOf(wait.predict(ROW, { deadlineMs: 1000 }))),
      );
      called += found.calls;
      const arrived = await scrape(running, 'sluice_requests_total{model="wait"');
      t.diagnostic(
        `${called} calls became ${arrived}; workers ${percent(found.used)} used, ${percent(found.stolenShare)} of the time taken`,
      );
      assert.ok(arrived <= 1.1 * called, `${arrived} requests of ${called} calls`);
      return found;
    },
  );
  assert.ok(used >= 0.9 - stolenShare, `workers ${percent(used)} used`);
});

test('F94 naive clients, which try again at once and pay no heed to push-back, are shed like any overload', async (t) => {
  const { openChannel, runs } = countedRuns();
  const running = await useWaiting(t, { wait: SLOW }, {}, { openChannel });
  const raw = new RawClient(running.grpcPort);
  t.after(() => raw.close());
  const body = frame(waitingRow('wait'));
  const storm = async (): Promise<{ goodput: number; stolenShare: number }> => {
    const statuses = new Map<number | undefined, number>();
    const naive = async (): Promise<void> => {
      for (let attempt = 0; attempt < 4; attempt++) {
        const { status } = await raw.call(INFER, body, { 'grpc-timeout': '1S' });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 0) return;
        await sleep(10);
      }
    };
    const before = rowsOf(runs);
    const { calls: users, used, stolenShare } = await workersUsed(runs, () => steadily(200, 2500, naive));
    const inTime = (statuses.get(0) ?? 0) / (rowsOf(runs) - before);
    t.diagnostic(
      `${users} users, ${JSON.stringify([...statuses])}; workers ${percent(used)} used, ${percent(inTime)} of the rows in time, ${percent(stolenShare)} of the time taken`,
    );
    assert.ok((statuses.get(14) ?? 0) > users, 'it was a storm');
    return { goodput: used * inTime, stolenShare };
  };
  const { goodput, stolenShare } = await firstThat(
    (found) => found.goodput >= 0.9 - found.stolenShare,
    storm,
  );
  assert.ok(goodput >= 0.9 - stolenShare, `goodput ${percent(goodput)}`);
});

function rowsOf(runs: readonly SentRun[]): number {
  return runs.reduce((sum, { rows }) => sum + rows, 0);
}

/** Asks `first`, and after `delayMs` without an answer `second` as well; whoever answers first cancels the other. */
async function hedged(first: Model, second: Model, delayMs: number): Promise<'first' | 'second'> {
  const [one, other] = [new AbortController(), new AbortController()];
  const answer = first.predict(ROW, { signal: one.signal }).then(() => 'first' as const);
  // The loser is told by its abort.
  answer.catch(() => {});
  const early = await Promise.race([answer, sleep(delayMs)]);
  if (early !== undefined) return early;
  const hedge = second.predict(ROW, { signal: other.signal }).then(() => 'second' as const);
  hedge.catch(() => {});
  const winner = await Promise.race([answer, hedge]);
  (winner === 'first' ? other : one).abort();
  return winner;
}

test('F95 hedged calls: nine of ten losers, or more, are cancelled before they are dispatched', async (t) => {
  const { openChannel, runs } = countedRuns();
  const stuck = await useWaiting(
    t,
    { wait: { costMs: { fixed: 1500 } } },
    { workers: { count: 1 } },
    { openChannel },
  );
  const idle = await useWaiting(t, { wait: { costMs: { fixed: 5 } } }, { workers: { count: 1 } });
  const clients = [stuck, idle].map(({ address }) => createClient({ address }));
  t.after(() => {
    for (const client of clients) client.close();
  });
  const [first, second] = clients.map((client) => client.model('wait')) as [Model, Model];
  await Promise.all([first.metadata(), second.metadata()]);
  const long = inferDirectly(stuck.gateway, 'wait');
  await sleep(20);
  const winners = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      await sleep(10 * i);
      return hedged(first, second, 30);
    }),
  );
  await long;
  while (stuck.gateway.batcher.stats().entries > 0) await sleep(5);
  const losers = winners.filter((winner) => winner === 'second').length;
  const dispatched = runs.reduce((sum, { rows }) => sum + rows, 0) - 1;
  t.diagnostic(`${losers} of 40 were answered by the hedge, ${dispatched} rows of theirs were dispatched`);
  assert.ok(losers >= 30, `${losers} hedges won`);
  assert.ok(dispatched <= 0.1 * losers, `${dispatched} of ${losers} losers were dispatched`);
});
