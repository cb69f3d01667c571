import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that was started, and answers. */
export interface Started {
  readonly pid: number;
  /** From the start of the process to its first right answer. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

export interface Command {
  /** What to run, `taskset` and the like before it. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 15_000;
const PROBE_EVERY_MS = 20;

/** A port that nobody listens on: the peers cannot be told to take any free one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a server and waits until `probe` gets a right answer. Rejects with its output when it ends or takes too long. */
export async function startProcess(
  { argv, env, cwd }: Command,
  probe: () => Promise<boolean>,
): Promise<Started> {
  const [command, ...args] = argv as [string, ...string[]];
  const startedAt = performance.now();
  // A group of its own: servers that fork are stopped whole.
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    });
  const closed = once(child, 'close');
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid as number), name);
    } catch {
      // It has ended.
    }
  };
  const kill = (): void => signal('SIGKILL');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    signal('SIGTERM');
    const timer = setTimeout(kill, STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
    kill();
    process.off('exit', kill);
  };
  while (!(await probe())) {
    if (child.exitCode === null && performance.now() - startedAt < START_TIMEOUT_MS) {
      await sleep(PROBE_EVERY_MS);
      continue;
    }
    await stop();
    throw new Error(`${argv.join(' ')} does not serve; the last of its output:\n${output}`);
  }
  return { pid: child.pid as number, readyMs: performance.now() - startedAt, stop };
}
