/** `npm run bench`: its command line, and one load of the overload benchmark on a real server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runLoad } from '../../bench/run-load.js';
import type { Bench } from '../../bench/side-by-side/bench.js';
import { deadlinesMs, withDeadlines } from '../../bench/side-by-side/overload/load.js';
import { measureOverload } from '../../bench/side-by-side/overload/measure.js';
import { requestsFor } from '../../bench/side-by-side/requests.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const main = fileURLToPath(new URL('../../bench/side-by-side/main.js', import.meta.url));

for (const [args, code, told] of [
  [['--help'], 0, /overload\|static/],
  [['overload', '--help'], 0, /cases: waiting/],
  [['overlode'], 2, /no benchmark "overlode"\nnpm run bench/],
  [['static', '--only', 'nope'], 2, /no case "nope"/],
] as const)
  test(`npm run bench -- ${args.join(' ')} ends with ${code}`, () => {
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    assert.equal(status, code, stderr);
    assert.match(stderr, told);
  });

test('a load with mixed deadlines on a waiting model: every call is counted, batches are seen, nothing ran in vain', async (t) => {
  const spec = Buffer.from(JSON.stringify({ costMs: { fixed: 20 }, maxBatchSize: 4 }));
  const { grpcPort, httpPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'wait/1/model.wait.json': spec })],
    workers: { count: 2, enableWaitingRuntime: true },
  });
  const bench: Bench = {
    effort: { rounds: 1, measureMs: 500, warmupMs: 100, warmupCalls: 1, memoryCalls: [1, 1] },
    cores: { one: [], all: [], count: 2, how: '' },
    runLoad,
    irisModel: '',
    zoo: '',
    nodeArgs: [],
    log: () => {},
    table: () => {},
  };
  const server = {
    pid: process.pid,
    port: grpcPort,
    metricsUrl: `http://127.0.0.1:${httpPort}/metrics`,
    stop: async () => {},
  };
  const call = requestsFor({ model: 'wait', input: 'X', shape: [1, 4] });
  // Deadlines of seconds: a machine with much else to do must not miss one.
  const templates = withDeadlines(call, deadlinesMs('mixed', 2000));
  const row = await measureOverload(bench, server, { factor: 0.5, ratePerS: 100, templates, seed: 1 });
  const ends = row.goodputPerS + row.latePerS + row.refusedPerS + row.otherPerS;
  assert.ok(row.offeredPerS > 50 && Math.abs(row.offeredPerS - ends) < 1e-6, JSON.stringify(row));
  assert.deepEqual([row.goodputPerS, row.wasted], [row.offeredPerS, 0], JSON.stringify(row));
  assert.ok(row.batchRows >= 1 && row.batchRows <= 4 && row.p50Ms >= 20, JSON.stringify(row));
});
