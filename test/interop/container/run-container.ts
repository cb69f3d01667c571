/** Starts an image as `docker run --read-only --cap-drop ALL --security-opt no-new-privileges` does, with namespaces alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENTER, type Image, PATH_INSIDE } from './build-image.js';

export interface RunOptions {
  /** Served as /models. */
  readonly models: string;
  /** In place of the image's `uid:gid`. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where the container answers as on a network: not its loopback. */
export const ADDRESS = '192.0.2.2';

export class Container {
  /** Of its first process, seen from outside. */
  readonly pid: number;
  readonly #env: NodeJS.ProcessEnv;
  readonly #user: string;
  readonly #output: () => string;
  readonly #ended: Promise<number>;

  private constructor(
    child: ChildProcess,
    pid: number,
    env: NodeJS.ProcessEnv,
    user: string,
    output: () => string,
  ) {
    this.pid = pid;
    this.#env = env;
    this.#user = user;
    this.#output = output;
    this.#ended = once(child, 'close').then(
      ([code, signal]) => (code as number | null) ?? `${signal}`,
    ) as Promise<number>;
  }

  /** Started, and serving. It ends with the test. @throws Error with its output when it does not serve within 60 s */
  static async start(t: TestContext, image: Image, options: RunOptions): Promise<Container> {
    const { models, user = image.user } = options;
    const [uid, gid] = user.split(':');
    const env = { PATH: PATH_INSIDE, HOME: '/', ...image.env, ...options.env };
    const root = mkdtempSync(join(tmpdir(), 'sluice-container-'));
    const drop = ['--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
    const child = spawn(
      'unshare',
      [
        ...['--mount', '--pid', '--fork', '--kill-child', '--net', '--ipc', '--uts', 'bash', ENTER, root],
        // Without an upper folder an overlay is read-only.
        ...[`lowerdir=${image.layer}:${image.base}`, 'dev', 'proc', 'net', `ro:${models}:/models`],
        ...[...image.volumes.map((path) => `tmpfs:${path}`), '--'],
        ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, ...drop, '--', ...image.command],
      ],
      { env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    t.after(async () => {
      child.kill('SIGKILL');
      // Not `close`: whoever still has its output would be waited for.
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
    });
    for (const until = Date.now() + 60_000; !said.includes('"msg":"serving"'); await sleep(50)) {
      if (child.exitCode !== null || Date.now() > until)
        throw new Error(`the container does not serve:\n${said}`);
    }
    return new Container(child, childOf(child.pid as number), env, user, () => said);
  }

  /** What it has written so far. */
  output(): string {
    return this.#output();
  }

  /** A line of /proc/<pid>/status of its first process. */
  status(name: string): string {
    const lines = readFileSync(`/proc/${this.pid}/status`, 'utf8').split('\n');
    return (
      lines
        .find((line) => line.startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim() ?? ''
    );
  }

  /** Runs a command beside it, as `docker exec` does: its files, its network, its user. */
  exec(command: readonly string[]): Promise<Ended> {
    const [uid, gid] = this.#user.split(':');
    const enter = [
      '--target',
      `${this.pid}`,
      '--all',
      '--root',
      '--wd=/',
      `--setuid=${uid}`,
      `--setgid=${gid}`,
    ];
    return ended(
      spawn('nsenter', [...enter, '--', ...command], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  /** Runs a command of this machine that sees the network of the container, as a client of it does. */
  near(command: readonly string[], cwd: string): Promise<Ended> {
    return ended(
      spawn('nsenter', ['--target', `${this.pid}`, '--net', '--', ...command], {
        cwd,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** SIGTERM to its first process; answers the exit code. */
  stop(): Promise<number> {
    process.kill(this.pid, 'SIGTERM');
    return this.#ended;
  }
}

function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return Number(child);
}

async function ended(child: ChildProcess): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const [code] = await once(child, 'close');
  return { code: code as number, ...said };
}
