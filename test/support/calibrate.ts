/**
 * What the load generator can offer, beside a grpc-js client on the same server: `node dist/test/support/calibrate.js`.
 * The server answers from plain sockets (grpc-sink) and has a core of its own where `taskset` exists. Prints calls/s as
 * reached, and per second of a busy core, which a machine that is busy with other things disturbs less.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import { runLoad } from '../../bench/run-load.js';
import { planFor, template } from './load-plans.js';

const BODY = Buffer.alloc(64, 7);
const SHAPES = [
  { connections: 4, streamsPerConnection: 32 },
  { connections: 100, streamsPerConnection: 1 },
] as const;

interface Rate {
  readonly callsPerS: number;
  /** 0 to 1 of a core. */
  readonly busy: number;
}

async function ours(port: number, shape: (typeof SHAPES)[number], durationMs: number): Promise<Rate> {
  const concurrency = shape.connections * shape.streamsPerConnection;
  const result = await runLoad(
    planFor(port, {
      ...shape,
      templates: [template({ bodies: [BODY] })],
      arrivals: { kind: 'closed', concurrency },
      warmupMs: 1000,
      durationMs,
    }),
  );
  return { callsPerS: (result.counts.ok * 1000) / result.durationMs, busy: result.busy };
}

/** A grpc-js client that does as little as it can: bytes in, bytes out. */
async function grpcJs(port: number, shape: (typeof SHAPES)[number], durationMs: number): Promise<Rate> {
  const clients = Array.from(
    { length: shape.connections },
    () =>
      new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
        'grpc.enable_channelz': 0,
      }),
  );
  let answered = 0;
  let stopped = false;
  const same = (bytes: Buffer): Buffer => bytes;
  const loop = (client: Client): Promise<void> =>
    new Promise((resolve, reject) => {
      const next = (): void => {
        if (stopped) {
          resolve();
          return;
        }
        client.makeUnaryRequest('/test.Echo/Call', same, same, BODY, (error) => {
          if (error !== null) {
            reject(error);
            return;
          }
          answered++;
          next();
        });
      };
      next();
    });
  const loops = clients.flatMap((client) =>
    Array.from({ length: shape.streamsPerConnection }, () => loop(client)),
  );
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const [from, cpu, before] = [performance.now(), process.cpuUsage(), answered];
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  const tookMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  const callsPerS = ((answered - before) * 1000) / tookMs;
  stopped = true;
  await Promise.all(loops);
  for (const client of clients) client.close();
  return { callsPerS, busy: (user + system) / 1e3 / tookMs };
}

function pinned(core: number, args: readonly string[]): string[] {
  const can = spawnSync('taskset', ['-c', String(core), 'true']).status === 0;
  return can ? ['taskset', '-c', String(core), process.execPath, ...args] : [process.execPath, ...args];
}

const say = (name: string, { callsPerS, busy }: Rate): void =>
  console.log(
    `  ${name.padEnd(16)} ${Math.round(callsPerS).toLocaleString('en').padStart(9)} calls/s at ${Math.round(busy * 100)}% of a core: ` +
      `${Math.round(callsPerS / busy).toLocaleString('en')} per core`,
  );

async function measure(port: number): Promise<void> {
  for (const shape of SHAPES) {
    console.log(`${shape.connections} connections x ${shape.streamsPerConnection} streams, 64 bytes`);
    const generator = await ours(port, shape, 3000);
    const peer = await grpcJs(port, shape, 3000);
    say('this generator', generator);
    say('grpc-js client', peer);
    const perCore = generator.callsPerS / generator.busy / (peer.callsPerS / peer.busy);
    const ratio = generator.callsPerS / peer.callsPerS;
    console.log(`  ratio ${ratio.toFixed(1)}, per core ${perCore.toFixed(1)}`);
  }
}

async function main(): Promise<void> {
  const [port] = process.argv.slice(2);
  if (port !== undefined) return measure(Number(port));
  const [command, ...args] = pinned(0, [fileURLToPath(new URL('grpc-sink.js', import.meta.url))]);
  const sink = spawn(command as string, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(sink.stdout, 'data')) as [Buffer];
  // The client in a process of its own too, so that it can be pinned; the generator's processes inherit that.
  const [node, ...rest] = pinned(1, [fileURLToPath(import.meta.url), line.toString().trim()]);
  await once(spawn(node as string, rest, { stdio: 'inherit' }), 'close');
  sink.stdin.end();
}

await main();
