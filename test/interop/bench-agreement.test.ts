/**
 * The load generator beside two others, ghz (Go) and h2load (C), on the same server in the same run: closed-loop figures
 * must agree, or one of them measures itself.
 *
 * The server has a core of its own and must be what limits all three. A call is therefore iris with 128 flowers, about a
 * millisecond of work, of which the slowest generator (ghz, some 0.1 ms a call) could ask for ten times as many from the
 * other core; and 16 calls are always open, so that the server has work while a generator waits for its turn. All send the
 * same bytes, as many times, over as many connections and streams. Runs are short and interleaved, so that what else happens
 * on the machine happens to all; what is compared is the median of the rounds' ratios. It fails when its confidence
 * interval lies outside of the tolerance; where only the median does, the run was too noisy to tell, and is skipped.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runLoad } from '../../bench/run-load.js';
import { irisTemplate, planFor } from '../support/load-plans.js';
import { repositoryRoot } from '../support/server-process.js';
import { assertOrderly, findTool, runTool, skipOrFail, startForInterop } from './tools.js';

const CONNECTIONS = 4;
const STREAMS = 4;
const ROUNDS = 9;
/** Of 9 sorted values, those that enclose the median with 96% confidence (binomial distribution), from 0. */
const LOWER = 1;
const UPPER = 7;
const TOLERANCE = 0.1;
/** Long enough that connecting, which ghz counts and the others do not, is a small part. */
const CALLS = 4000;
const ROWS = 128;
const METHOD = 'inference.GRPCInferenceService/ModelInfer';

const bouquet = irisTemplate([
  {
    row: Array.from({ length: ROWS }, () => [5.1, 3.5, 1.4, 0.2]).flat(),
    label: new Array<number>(ROWS).fill(0),
  },
]);
const message = Buffer.from(bouquet.bodies[0] as Uint8Array);

/** Puts a process and its threads, or this one, on a core; answers whether that is possible here. */
function pin(pid: number, core: number): boolean {
  return spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)]).status === 0;
}

type Run = () => Promise<number>;

/** Calls per second of one run of each generator. */
function generators(
  port: number,
  tools: { ghz: string; h2load: string },
  folder: string,
): Record<string, Run> {
  const plain = join(folder, 'message');
  const prefixed = join(folder, 'prefixed');
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  writeFileSync(plain, message);
  writeFileSync(prefixed, Buffer.concat([prefix, message]));
  return {
    ours: async () => {
      const result = await runLoad(
        planFor(port, {
          templates: [bouquet],
          arrivals: { kind: 'closed', concurrency: CONNECTIONS * STREAMS },
          connections: CONNECTIONS,
          streamsPerConnection: STREAMS,
          maxCalls: CALLS,
          durationMs: 60_000,
        }),
      );
      assert.equal(result.counts.ok, CALLS, JSON.stringify(result.counts));
      assert.equal(result.void, undefined);
      return (result.counts.ok * 1000) / result.durationMs;
    },
    ghz: async () => {
      const { code, stdout, stderr } = await runTool(tools.ghz, [
        ...['--insecure', '--proto', join(repositoryRoot, 'proto/inference/grpc_service.proto')],
        ...['--import-paths', join(repositoryRoot, 'proto'), '--call', METHOD, '--binary-file', plain],
        ...['-c', String(CONNECTIONS * STREAMS), '--connections', String(CONNECTIONS)],
        ...['-n', String(CALLS), '-O', 'json', `127.0.0.1:${port}`],
      ]);
      assert.equal(code, 0, stdout + stderr);
      const report = JSON.parse(stdout) as { rps: number; statusCodeDistribution: Record<string, number> };
      assert.deepEqual(report.statusCodeDistribution, { OK: CALLS });
      return report.rps;
    },
    h2load: async () => {
      const { code, stdout, stderr } = await runTool(tools.h2load, [
        ...['-c', String(CONNECTIONS), '-m', String(STREAMS), '-t', '1', '-n', String(CALLS), '-d', prefixed],
        ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
        `http://127.0.0.1:${port}/${METHOD}`,
      ]);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, new RegExp(`${CALLS} succeeded`));
      return Number(/finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(stdout)?.[1]);
    },
  };
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

async function serve(t: TestContext): Promise<{ port: number; pinned: boolean }> {
  const server = await startForInterop([]);
  t.after(async () => assertOrderly(await server.stop(), server));
  const pinned = pin(server.pid, 0) && pin(process.pid, 1);
  if (pinned) t.after(() => spawnSync('taskset', ['-a', '-c', '-p', '0-63', String(process.pid)]));
  return { port: server.grpcPort, pinned };
}

test('closed-loop figures agree with ghz and h2load within 10%', async (t) => {
  const ghz = findTool(t, 'ghz');
  const h2load = findTool(t, 'h2load');
  if (ghz === undefined || h2load === undefined) return;
  const { port, pinned } = await serve(t);
  if (!pinned) {
    t.skip('taskset or a second core is missing: server and generators would disturb each other');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'sluice-agreement-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const runs = Object.entries(generators(port, { ghz, h2load }, folder));
  for (const [, run] of runs) await run();
  const rates = new Map<string, number[]>(runs.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    // Each goes first in its turn.
    for (let i = 0; i < runs.length; i++) {
      const [name, run] = runs[(i + round) % runs.length] as (typeof runs)[number];
      rates.get(name)?.push(await run());
    }
  }
  for (const [name, all] of rates)
    t.diagnostic(`${name}: ${Math.round(sorted(all)[ROUNDS >> 1] as number)} calls/s`);
  for (const name of ['ghz', 'h2load']) {
    const theirs = rates.get(name) as number[];
    const ratios = sorted((rates.get('ours') as number[]).map((rate, i) => rate / (theirs[i] as number)));
    const [low, middle, high] = [LOWER, ROUNDS >> 1, UPPER].map((i) => ratios[i]) as [number, number, number];
    const found = `this generator / ${name} = ${middle.toFixed(3)}, ${low.toFixed(3)} to ${high.toFixed(3)}`;
    t.diagnostic(found);
    assert.ok(low <= 1 + TOLERANCE && high >= 1 - TOLERANCE, found);
    if (Math.abs(middle - 1) > TOLERANCE) skipOrFail(t, 'agreement', `too noisy to tell: ${found}`);
  }
});
