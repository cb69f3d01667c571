import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallTemplate } from '../../contract.js';
import {
  type Bench,
  type BenchCase,
  type Load,
  type Measured,
  measure,
  warmUp,
  withServers,
} from '../bench.js';
import { type Finding, finding } from '../finding.js';
import { type ServerUnderTest, startEcho, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { median } from '../statistics.js';

/**
 * What it costs to say no, against a bare grpc-js echo of the same request. A model that waits for as long as anybody measures
 * keeps the server full with calls that are held open: all others are refused, by the queue or, at the limit of open calls, unread.
 */

const MODEL = 'wait';
/** Longer than all of the measurements together. */
const RUN_MS = 3_600_000;

/** Which of the sides it is. */
const ECHO = 3;

const us = (ms: number): string => `${(ms * 1e3).toFixed(1)} us`;

export const refusals: BenchCase = {
  name: 'refusals',
  run: async (bench) => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
    try {
      await mkdir(join(folder, MODEL, '1'), { recursive: true });
      const spec = JSON.stringify({ costMs: { fixed: RUN_MS }, maxBatchSize: 1 });
      await writeFile(join(folder, MODEL, '1', 'model.wait.json'), spec);
      return await compare(bench, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Side {
  readonly server: ServerUnderTest;
  readonly load: Load;
}

async function compare(bench: Bench, folder: string): Promise<Finding[]> {
  const { cores, nodeArgs } = bench;
  const always = ['--workers=1', '--enable-waiting-runtime', '--exit-timeout-secs=3'];
  const patient = [`--grpc-max-deadline-ms=${24 * RUN_MS}`, '--grpc-max-connection-age=0'];
  const serve = (...limits: string[]) =>
    startSluice(cores.one, [folder, ...always, ...patient, ...limits], nodeArgs);
  const full = '--max-queue-rows=1';
  const starts = [
    serve(full, '--grpc-early-refusal=false'),
    serve('--max-calls-in-flight=1'),
    serve(full),
    startEcho(cores.one),
  ];
  return withServers(starts, async (...servers) => {
    const template = requestsFor({ model: MODEL, input: 'X', shape: [1, 4] });
    // One runs and one waits; one is open.
    const holds = await Promise.all(
      [2, 1, 2].map((n, i) => hold(servers[i] as ServerUnderTest, template, n)),
    );
    try {
      const load = { template, connections: 10, streams: 10 };
      const sides = servers.map((server, i): Side => {
        return { server, load: i === ECHO ? load : { ...load, wanted: 'refused' } };
      });
      const rounds = await inTurn(bench, sides);
      return [
        found('in the handler, the queue being full', 0, 1.1, rounds),
        found('before its message is read', 1, 0.75, rounds),
        found('as the doorman mixes them when the front end is the bottleneck', 2, undefined, rounds),
      ];
    } finally {
      for (const session of holds) session.destroy();
    }
  });
}

/** Opens calls that nobody answers, and leaves them open. */
async function hold(
  server: ServerUnderTest,
  template: CallTemplate,
  calls: number,
): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${server.port}`);
  session.on('error', () => {});
  const body = template.bodies[0] as Uint8Array;
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  for (let i = 0; i < calls; i++) {
    const headers = {
      ':method': 'POST',
      ':path': template.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const stream = session.request(headers);
    stream.on('error', () => {});
    stream.end(Buffer.concat([prefix, body]));
    // The first has gone to the worker before the second comes.
    await sleep(500);
    if (stream.closed) throw new Error('a call that was to be held open has ended');
  }
  return session;
}

/** All sides, one after the other, beginning with another one in each round: what drifts meets all alike. */
async function inTurn(bench: Bench, sides: readonly Side[]): Promise<Measured[][]> {
  for (const { server, load } of sides) await warmUp(bench, server, load);
  const rounds: Measured[][] = [];
  for (let round = 0; round < bench.effort.rounds; round++) {
    const measured: Measured[] = [];
    for (let i = 0; i < sides.length; i++) {
      const at = (round + i) % sides.length;
      const { server, load } = sides[at] as Side;
      measured[at] = await measure(bench, server, load);
    }
    rounds.push(measured);
  }
  return rounds;
}

function found(
  where: string,
  side: number,
  limit: number | undefined,
  rounds: readonly (readonly Measured[])[],
): Finding {
  const cost = (round: readonly Measured[], at: number): number => (round[at] as Measured).cpuMsPerCall;
  const middle = (at: number): string => us(median(rounds.map((round) => cost(round, at))));
  return finding({
    from: 'refusals',
    what: `a refusal ${where}: CPU per call / echo`,
    unit: 'x',
    ...(limit !== undefined && { bar: { kind: 'at most', limit } }),
    rounds: rounds.map((round) => cost(round, side) / cost(round, ECHO)),
    detail: `${middle(side)} a call; echo ${middle(ECHO)}`,
  });
}
