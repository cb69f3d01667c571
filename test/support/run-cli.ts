/** Runs the command line of this build: in a process of its own, as a shell would, or in this one, which is faster. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { run } from '../../cli/program.js';

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

export interface CliResult {
  readonly code: number | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliRun {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The file to run. @default cli/main.js of this build */
  readonly main?: string;
}

/** Resolves when the process has ended; a process that takes longer than 30 s is killed and has no exit code. */
export async function runCli(args: readonly string[], options: CliRun = {}): Promise<CliResult> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
  const child = spawn(process.execPath, [options.main ?? MAIN, ...args], {
    cwd: options.cwd,
    env: { ...Object.fromEntries(inherited), ...options.env },
    stdio: 'pipe',
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  child.stdin.on('error', () => {}).end(options.stdin ?? '');
  const [[code], stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}

/**
 * The same without a process: arguments in, texts and exit code out. Variables and the working directory are this process's
 * while it runs: one at a time, where they are given.
 */
export async function runHere(args: readonly string[], options: CliRun = {}): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  const before = process.cwd();
  const variables = Object.keys(options.env ?? {}).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, options.env);
  if (options.cwd !== undefined) process.chdir(options.cwd);
  try {
    const code = await run(args, {
      out: (chunk) => {
        stdout += chunk;
      },
      err: (chunk) => {
        stderr += chunk;
      },
      readText: async (path) => (path === '-' ? (options.stdin ?? '') : await readFile(path, 'utf8')),
      columns: 100,
    });
    return { code, stdout, stderr };
  } finally {
    if (options.cwd !== undefined) process.chdir(before);
    for (const [name, value] of variables)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
}
