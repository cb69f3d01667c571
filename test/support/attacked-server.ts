import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frame, RawClient } from './raw-grpc.js';
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from './server-process.js';
import { input, len } from './wire-bytes.js';

export const LIVE = '/inference.GRPCInferenceService/ServerLive';
export const INFER = '/inference.GRPCInferenceService/ModelInfer';

/** A framed request of one row for the model of `startAttacked`, which takes `WAIT_MS` to answer. */
export const WAIT_REQUEST = frame(
  Buffer.concat([len(1, 'wait'), input('X', 'FP32', [1, 4]), len(7, Buffer.alloc(16))]),
);
export const WAIT_MS = 200;

/** Whether attacks are to have their full size, as in `npm run test:attacks`; else they fit into the test suite. */
export const FULL = process.env['ATTACK_SIZE'] === 'full';

/** A real server in a process of its own, with a good client on a connection of its own. */
export interface AttackedServer {
  readonly port: number;
  readonly process: ServerProcess;
  readonly good: RawClient;
  rssBytes(): number;
  /** User and system time so far. */
  cpuMs(): number;
  /** How long the good client waits for the answer to a trivial call. */
  pingMs(): Promise<number>;
  gauges(): Promise<Record<string, number>>;
  /** The server lives, answers a good client fast, and holds nothing for anybody. */
  assertWell(maxPingMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startAttacked(
  args: readonly string[] = [],
  options: Pick<ServerProcessOptions, 'descriptors'> = {},
): Promise<AttackedServer> {
  const repository = mkdtempSync(join(tmpdir(), 'sluice-attacked-'));
  mkdirSync(join(repository, 'wait/1'), { recursive: true });
  writeFileSync(
    join(repository, 'wait/1/model.wait.json'),
    JSON.stringify({ costMs: { fixed: WAIT_MS }, maxBatchSize: 1 }),
  );
  const server = await startServerProcess({
    ...options,
    args: [
      '--model-repository',
      repository,
      '--enable-waiting-runtime',
      '--workers',
      '2',
      '--exit-timeout-secs',
      '10',
      ...args,
    ],
  });
  const good = new RawClient(server.grpcPort);
  const pingMs = async (): Promise<number> => {
    const start = performance.now();
    const { status } = await good.call(LIVE, frame(Buffer.alloc(0)));
    assert.equal(status, 0);
    return performance.now() - start;
  };
  const gauges = () => readGauges(server.httpPort);
  const held = async (): Promise<Record<string, number>> => {
    const now = await gauges();
    const names = ['sluice_calls_in_flight', 'sluice_queue_rows', 'sluice_queue_bytes'];
    return Object.fromEntries(names.map((name) => [name, now[name] ?? Number.NaN]));
  };
  return {
    port: server.grpcPort,
    process: server,
    good,
    pingMs,
    gauges,
    rssBytes: () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) * 1024,
    cpuMs: () => {
      const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      // Clock ticks of a hundredth of a second.
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    assertWell: async (maxPingMs = 100) => {
      // The best of a few: the machine may be busy with something else.
      const pings = [await pingMs(), await pingMs(), await pingMs()];
      assert.ok(Math.min(...pings) < maxPingMs, `pings took ${pings.join(', ')} ms`);
      const end = performance.now() + 3000;
      while (Object.values(await held()).some((value) => value !== 0) && performance.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(Object.values(await held()), [0, 0, 0]);
    },
    stop: async () => {
      good.close();
      assert.equal((await server.stop()).code, 0);
      rmSync(repository, { recursive: true });
    },
  };
}

async function readGauges(port: number): Promise<Record<string, number>> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
