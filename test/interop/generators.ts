/** Closed loops of the load generator and of two others, ghz (Go) and h2load (C), on one server, with figures alike. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CallTemplate } from '../../bench/contract.js';
import { LatencyCounts } from '../../bench/latency-counts.js';
import { runLoad } from '../../bench/run-load.js';
import { planFor } from '../support/load-plans.js';
import { repositoryRoot } from '../support/server-process.js';
import { findTool, runTool } from './tools.js';

/** A loop begins with a burst of all its calls, on code that may be cold: that is no part of its latencies. */
const RAMP_MS = 1200;

/** A closed loop: so many calls always open, until so many have been made. */
export interface Loop {
  readonly template: CallTemplate;
  readonly connections: number;
  /** Of each connection; all together are the concurrency. */
  readonly streams: number;
  readonly calls: number;
}

/** What every generator tells of a run. */
export interface Figures {
  /** As it reports it itself. */
  readonly ratePerS: number;
  /** Percentiles are of the calls that began later than `RAMP_MS` after the first. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** By its name. A run rejects when a call was not answered OK. */
export type Generators = Readonly<Record<string, (port: number, loop: Loop) => Promise<Figures>>>;

/** All three, or undefined after the test was skipped because one is not installed. */
export function findGenerators(t: TestContext): Generators | undefined {
  const ghz = findTool(t, 'ghz');
  const h2load = ghz === undefined ? undefined : findTool(t, 'h2load');
  if (ghz === undefined || h2load === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-generators-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    ours,
    ghz: (port, loop) => runGhz(ghz, folder, port, loop),
    h2load: (port, loop) => runH2load(h2load, folder, port, loop),
  };
}

async function ours(port: number, { template, connections, streams, calls }: Loop): Promise<Figures> {
  const result = await runLoad(
    planFor(port, {
      templates: [template],
      arrivals: { kind: 'closed', concurrency: connections * streams },
      connections,
      streamsPerConnection: streams,
      warmupMs: RAMP_MS,
      maxCalls: calls,
      durationMs: 60_000,
    }),
  );
  assert.equal(result.counts.ok, calls, JSON.stringify(result.counts));
  assert.equal(result.void, undefined);
  return figures((calls * 1000) / result.durationMs, LatencyCounts.from(result.latency));
}

async function runGhz(ghz: string, folder: string, port: number, loop: Loop): Promise<Figures> {
  const { template, connections, streams, calls } = loop;
  const message = join(folder, 'message');
  writeFileSync(message, template.bodies[0] as Uint8Array);
  const { code, stdout, stderr } = await runTool(ghz, [
    ...['--insecure', '--proto', join(repositoryRoot, 'proto/inference/grpc_service.proto')],
    ...['--import-paths', join(repositoryRoot, 'proto'), '--call', template.path.slice(1)],
    ...['--binary-file', message, '-c', String(connections * streams), '--connections', String(connections)],
    ...['-n', String(calls), '-O', 'json', `127.0.0.1:${port}`],
  ]);
  assert.equal(code, 0, stdout + stderr);
  const report = JSON.parse(stdout) as {
    rps: number;
    statusCodeDistribution: Record<string, number>;
    /** Each call's instant of beginning and nanoseconds. */
    details: readonly { readonly timestamp: string; readonly latency: number }[];
  };
  assert.deepEqual(report.statusCodeDistribution, { OK: calls });
  const began = report.details.map(
    ({ timestamp, latency }) => [Date.parse(timestamp), latency / 1e6] as const,
  );
  return figures(report.rps, afterRamp(began, calls));
}

async function runH2load(h2load: string, folder: string, port: number, loop: Loop): Promise<Figures> {
  const { template, connections, streams, calls } = loop;
  const [body, log] = [join(folder, 'prefixed'), join(folder, 'log')];
  const message = template.bodies[0] as Uint8Array;
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  writeFileSync(body, Buffer.concat([prefix, message]));
  // It adds to a log that is there.
  rmSync(log, { force: true });
  const { code, stdout, stderr } = await runTool(h2load, [
    ...['-c', String(connections), '-m', String(streams), '-t', '1', '-n', String(calls), '-d', body],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', `--log-file=${log}`],
    `http://127.0.0.1:${port}${template.path}`,
  ]);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, new RegExp(` ${calls} succeeded`));
  // Microseconds since 1970, status, microseconds.
  const began = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t').map(Number) as [number, number, number])
    .map(([beganUs, , tookUs]) => [beganUs / 1e3, tookUs / 1e3] as const);
  const ratePerS = Number(/finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  return figures(ratePerS, afterRamp(began, calls));
}

/** @param began when each call began and how long it took, in milliseconds. */
function afterRamp(began: readonly (readonly [number, number])[], calls: number): LatencyCounts {
  assert.equal(began.length, calls);
  const fromMs = began.reduce((first, [at]) => Math.min(first, at), Number.POSITIVE_INFINITY) + RAMP_MS;
  const latency = new LatencyCounts();
  for (const [at, took] of began) if (at >= fromMs) latency.record(took);
  return latency;
}

function figures(ratePerS: number, latency: LatencyCounts): Figures {
  return { ratePerS, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99) };
}
