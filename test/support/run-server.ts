import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ServerExit } from './server-process.js';
import { REPOSITORY_ROOT } from './use-gateway.js';

/** The command line in a process of its own, with all that it says. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly started: Promise<unknown>;
  readonly ended: Promise<ServerExit>;
  output(): string;
}

/** Runs `sluice` with these arguments as a user does; ends by itself or by a signal of the test. */
export function runCommand(args: readonly string[]): RunningCommand {
  const child = spawn(process.execPath, ['bin/sluice.js', ...args], {
    cwd: REPOSITORY_ROOT,
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'))),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return {
    child,
    started: once(child, 'spawn'),
    ended: once(child, 'close').then(([code, signal]): ServerExit => ({ code, signal })),
    output: () => text,
  };
}
