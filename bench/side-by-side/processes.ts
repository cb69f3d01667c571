import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BareRun } from './bare-run.js';

/** A server under test, or its baseline, in a process of its own. */
export interface ServerUnderTest {
  readonly pid: number;
  readonly port: number;
  /** Absent for the echo. */
  readonly metricsUrl?: string;
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 15_000;
const START_TIMEOUT_MS = 120_000;

const built = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Starts Sluice on free loopback ports, as a user does, and waits until its models are served. */
export async function startSluice(
  cores: readonly string[],
  args: readonly string[],
  nodeArgs: readonly string[] = [],
): Promise<ServerUnderTest> {
  const ports = ['--grpc-port', '0', '--http-port', '0', '--metrics-own-port=false', '--admin-port', '0'];
  // The process that is measured is the one that is started.
  const alone = ['--server-supervise', 'off'];
  const child = launch(cores, [
    ...nodeArgs,
    built('../../cli/main.js'),
    'serve',
    ...args,
    ...ports,
    ...['--log-format', 'json'],
    ...alone,
  ]);
  const line = await firstLine(child, (json) => json['msg'] === 'serving');
  return {
    pid: child.pid as number,
    port: Number(line['grpcPort']),
    metricsUrl: `http://127.0.0.1:${line['httpPort']}/metrics`,
    stop: () => stop(child),
  };
}

/** Starts the echo server. */
export async function startEcho(cores: readonly string[]): Promise<ServerUnderTest> {
  const child = launch(cores, [built('./echo-server.js')]);
  const { port } = await firstLine(child, (json) => typeof json['port'] === 'number');
  return { pid: child.pid as number, port: Number(port), stop: () => stop(child) };
}

/** Starts the echo over HTTP. */
export async function startFastifyEcho(cores: readonly string[]): Promise<ServerUnderTest> {
  const child = launch(cores, [built('./fastify-echo.js')]);
  const { port } = await firstLine(child, (json) => typeof json['port'] === 'number');
  return { pid: child.pid as number, port: Number(port), stop: () => stop(child) };
}

/** Runs a model bare for this long, in a process that starts and ends with it. */
export async function runBare(
  cores: readonly string[],
  model: { readonly path: string; readonly input: string; readonly shape: readonly number[] },
  ms: number,
): Promise<BareRun> {
  const { path, input, shape } = model;
  const child = launch(cores, [built('./bare-run.js'), path, input, JSON.stringify(shape), String(ms)]);
  const closed = once(child, 'close');
  const line = await firstLine(child, (json) => typeof json['runs'] === 'number');
  await closed;
  return line as unknown as BareRun;
}

/** `taskset` becomes the command that it starts: the child's id is node's own. */
function launch(cores: readonly string[], args: readonly string[]): ChildProcess {
  const [command, ...rest] = [...cores, process.execPath, ...args] as [string, ...string[]];
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
  const env = { ...Object.fromEntries(inherited), ORT_DISABLE_TELEMETRY: '1' };
  const child = spawn(command, rest, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  return child;
}

type Json = Readonly<Record<string, unknown>>;

/** The first line of its output, one JSON object a line, that is wanted; goes on reading the rest. */
function firstLine(child: ChildProcess, wanted: (json: Json) => boolean): Promise<Json> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill('SIGKILL');
      reject(new Error(`${child.spawnargs.join(' ')}: ${why}`));
    };
    const timer = setTimeout(() => fail(`did not start within ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, signal) => fail(`ended with ${signal ?? code}`));
    const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
    lines.on('line', (line) => {
      if (!line.startsWith('{')) return;
      const json = JSON.parse(line) as Json;
      if (!wanted(json)) return;
      clearTimeout(timer);
      resolve(json);
    });
    child.once('close', () => clearTimeout(timer));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.stdin?.end();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await closed;
  clearTimeout(timer);
}
