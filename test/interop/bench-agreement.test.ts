/**
 * The load generator beside two others, ghz (Go) and h2load (C), on the same server in the same run: closed-loop figures
 * must agree, or one of them measures itself.
 *
 * The server has a core of its own and must be what limits all three. A call is therefore iris with 128 flowers, about a
 * millisecond of work, of which the slowest of the generators (ghz, some 0.1 ms a call) could ask for ten times as many from
 * the other core; and 16 calls are always open, so that the server has work while a generator waits for its turn. All send the same bytes, as many times, over as many connections and streams. Runs are
 * interleaved; one during which something else had a part of the server's core says nothing about generators and is not
 * counted; medians of the others are compared.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runLoad } from '../../bench/run-load.js';
import { irisTemplate, planFor } from '../support/load-plans.js';
import { repositoryRoot } from '../support/server-process.js';
import { assertOrderly, findTool, runTool, startForInterop } from './tools.js';

const CONNECTIONS = 4;
const STREAMS = 4;
/** Counted runs of each generator, of at most so many. */
const WANTED = 5;
const MAX_ROUNDS = 20;
/** Of the server's core, for anything but the server. */
const MAX_FOREIGN = 0.1;
const CALLS = 1200;
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

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** Clock ticks of CPU time so far, at 10 ms each: of a process with its threads, and of everything on the first core. */
function cpuTicks(pid: number): { server: number; core: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const own = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, line] = readFileSync('/proc/stat', 'utf8').split('\n');
  // Interrupts are left out: here they are the traffic's own.
  const [user, nice, system, , , , , steal] = (line ?? '').split(/\s+/).slice(1).map(Number);
  return {
    server: (own[11] ?? 0) + (own[12] ?? 0),
    core: [user, nice, system, steal].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0),
  };
}

/** A run's calls/s, and the share of the server's core that others had meanwhile. */
async function watched(run: Run, pid: number): Promise<{ rate: number; foreign: number }> {
  const before = cpuTicks(pid);
  const from = performance.now();
  const rate = await run();
  const ticks = (performance.now() - from) / 10;
  const after = cpuTicks(pid);
  return { rate, foreign: (after.core - before.core - (after.server - before.server)) / ticks };
}

async function serve(t: TestContext): Promise<{ port: number; pid: number; pinned: boolean }> {
  const server = await startForInterop([]);
  t.after(async () => assertOrderly(await server.stop(), server));
  const pinned = pin(server.pid, 0) && pin(process.pid, 1);
  if (pinned) t.after(() => spawnSync('taskset', ['-a', '-c', '-p', '0-63', String(process.pid)]));
  return { port: server.grpcPort, pid: server.pid, pinned };
}

test('closed-loop figures agree with ghz and h2load within 10%', async (t) => {
  const ghz = findTool(t, 'ghz');
  const h2load = findTool(t, 'h2load');
  if (ghz === undefined || h2load === undefined) return;
  const { port, pid, pinned } = await serve(t);
  if (!pinned) {
    t.skip('taskset or a second core is missing: server and generators would disturb each other');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'sluice-agreement-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const runs = Object.entries(generators(port, { ghz, h2load }, folder));
  for (const [, run] of runs) await run();
  const rates = new Map<string, number[]>(runs.map(([name]) => [name, []]));
  const enough = (): boolean => [...rates.values()].every((all) => all.length >= WANTED);
  for (let round = 0; round < MAX_ROUNDS && !enough(); round++) {
    // Each goes first in its turn.
    for (let i = 0; i < runs.length; i++) {
      const [name, run] = runs[(i + round) % runs.length] as (typeof runs)[number];
      const { rate, foreign } = await watched(run, pid);
      if (foreign <= MAX_FOREIGN) rates.get(name)?.push(rate);
    }
  }
  for (const [name, all] of rates)
    t.diagnostic(`${name}: ${Math.round(median(all))} calls/s (${all.map(Math.round).join(', ')})`);
  if (!enough()) {
    t.skip(
      `the machine is busy: fewer than ${WANTED} runs of each generator in ${MAX_ROUNDS} were undisturbed`,
    );
    return;
  }
  for (const name of ['ghz', 'h2load']) {
    const ratio = median(rates.get('ours') as number[]) / median(rates.get(name) as number[]);
    t.diagnostic(`this generator / ${name} = ${ratio.toFixed(3)}`);
    assert.ok(Math.abs(ratio - 1) <= 0.1, `this generator / ${name} = ${ratio.toFixed(3)}`);
  }
});
