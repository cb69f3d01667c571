/** Starts the real server, as a user does: `node bin/sluice.js serve …` in its own process, on free ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Top of the checkout: this file runs from `<root>/dist*\/test/support/`. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

export interface ServerProcessOptions {
  /** Flags after `serve`, e.g. `['--model-repository', 'examples']`, relative to the checkout. */
  readonly args: readonly string[];
  /** Added to the environment of the tests, from which every `SLUICE_*` is taken out. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it runs under its supervisor, whose `pid` it then is. @default false: tests look at the server's own process */
  readonly supervised?: boolean;
  /** File descriptors that it may have. @default as many as the tests */
  readonly descriptors?: number;
  /** Largest file that it may write, in KiB: beyond that a write fails, as on a full disk. @default none */
  readonly fileKib?: number;
  /** @default any that are free */
  readonly ports?: { readonly grpcPort?: number; readonly httpPort?: number };
  /** How long the start may take, in milliseconds. @default 60_000 */
  readonly startTimeoutMs?: number;
}

export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly grpcPort: number;
  readonly adminPort: number;
  readonly httpPort: number;
  readonly pid: number;
  /** What it has written to stdout and stderr so far. */
  output(): string;
  /** How it ended; resolves when it has. */
  readonly ended: Promise<ServerExit>;
  /** SIGTERM, SIGKILL if it is still there 20 s later; answers how it ended. Idempotent. */
  stop(): Promise<ServerExit>;
}

type BoundPorts = Pick<ServerProcess, 'grpcPort' | 'httpPort' | 'adminPort'>;

const STOP_TIMEOUT_MS = 20_000;

/** Flags of a server that shares the machine with others: free ports, but for those given. */
export function portFlags({ grpc = 0, http = 0, metrics = 0, admin = 0 } = {}): string[] {
  return Object.entries({ grpc, http, metrics, admin }).flatMap(([name, port]) => [
    `--${name}-port`,
    String(port),
  ]);
}

/** @throws Error with the server's output when it ends, or says nothing, instead of serving. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { descriptors, fileKib } = options;
  const { grpcPort = 0, httpPort = 0 } = options.ports ?? {};
  const ports = portFlags({ grpc: grpcPort, http: httpPort });
  const command = [process.execPath, 'bin/sluice.js', 'serve', ...options.args, ...ports];
  const limits = [
    ...(descriptors === undefined ? [] : [`ulimit -n ${descriptors}`]),
    ...(fileKib === undefined ? [] : [`ulimit -f ${fileKib}`]),
  ];
  // The shell becomes the server.
  if (limits.length > 0) command.unshift('bash', '-c', `${limits.join('; ')}; exec "$@"`, '-');
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: repositoryRoot,
    env: {
      ...cleanEnvironment(),
      SLUICE_SERVER_SUPERVISE: options.supervised ? 'on' : 'off',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killWithTest = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithTest);
  // 'close', not 'exit': by then the pipes are read to their end and closed.
  const ended = once(child, 'close').then(([code, signal]): ServerExit => {
    process.off('exit', killWithTest);
    return { code, signal };
  });
  const output = collectOutput(child);
  const bound = await waitUntilServing(child, ended, output, options.startTimeoutMs ?? 60_000);
  return {
    ...bound,
    pid: child.pid as number,
    ended,
    output,
    stop: () => stop(child, ended),
  };
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')));
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

/** Reads the log, one JSON object a line, for the one with msg 'serving'. */
async function waitUntilServing(
  child: ChildProcess,
  ended: Promise<ServerExit>,
  output: () => string,
  timeoutMs: number,
): Promise<BoundPorts> {
  let onData: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const outcome = await Promise.race([
    new Promise<BoundPorts>((resolve) => {
      onData = () => {
        const ports = portsIn(output());
        if (ports) resolve(ports);
      };
      child.stdout?.on('data', onData);
    }),
    ended.then((exit) => `ended with ${JSON.stringify(exit)}`),
    new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`was not serving within ${timeoutMs} ms`), timeoutMs);
    }),
  ]);
  clearTimeout(timer);
  if (onData) child.stdout?.off('data', onData);
  if (typeof outcome !== 'string') return outcome;
  child.kill('SIGKILL');
  await ended;
  throw new Error(`the server ${outcome}; its output:\n${output()}`);
}

function portsIn(log: string): BoundPorts | undefined {
  for (const line of log.split('\n')) {
    if (!line.startsWith('{') || !line.endsWith('}')) continue;
    const { msg, grpcPort, httpPort, adminPort } = JSON.parse(line) as Record<string, unknown>;
    if (msg !== 'serving') continue;
    if (typeof grpcPort === 'number' && typeof httpPort === 'number' && typeof adminPort === 'number')
      return { grpcPort, httpPort, adminPort };
  }
  return undefined;
}

async function stop(child: ChildProcess, ended: Promise<ServerExit>): Promise<ServerExit> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}
