import { lstat, mkdir, mkdtemp, readdir, readlink, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, TimerHandle } from './core/clock.js';
import { GatewayError, quote } from './core/error.js';
import { fileProblem } from './core/file-problem.js';
import type { Logger } from './core/logger.js';

/** How often a server shows that its directory is in use, to servers that cannot see its process. */
const SIGN_EVERY_MS = 60_000;
/** After so long without a sign the process is gone. */
const LEFT_AFTER_MS = 10 * SIGN_EVERY_MS;
const NAME = /^sluice-cache-(\w+)-(\d+)-\w+$/;

/** A server process, as far as another one can tell it apart. */
interface Owner {
  /** Of process ids: a container has its own, in which its server is 1 as that of every other container. */
  readonly namespace: string;
  readonly pid: number;
}

export interface CacheDirectoryOptions {
  /** Where it is made. @default the system's temporary directory */
  readonly parent: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The directory into which versions are copied for the workers: of this process alone, so that servers may share a parent, and
 * gone with it. What servers have left that were killed is removed by the next one beside it.
 */
export class CacheDirectory {
  readonly #options: CacheDirectoryOptions;
  #path: string | undefined;
  #timer: TimerHandle | undefined;

  constructor(options: CacheDirectoryOptions) {
    this.#options = options;
  }

  /** An absolute path; there is one once opened. */
  get path(): string {
    if (this.#path === undefined) throw new Error('the cache directory is not open');
    return this.#path;
  }

  /** Rejects with FAILED_PRECONDITION where it cannot be made. */
  async open(): Promise<void> {
    const { parent = tmpdir(), logger } = this.#options;
    const own: Owner = { namespace: await pidNamespace(), pid: process.pid };
    try {
      await mkdir(parent, { recursive: true });
      this.#path = await mkdtemp(join(parent, `sluice-cache-${own.namespace}-${own.pid}-`));
    } catch (cause) {
      const message = `cannot make a directory for copies of models in ${quote(parent, 200)}: ${fileProblem(cause)}`;
      throw new GatewayError('FAILED_PRECONDITION', message, { cause });
    }
    this.#showLater();
    const left = await removeLeft(parent, this.#path, own);
    if (left.length > 0) logger.info({ left }, 'Removed what killed servers had left in the cache directory');
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    if (this.#path !== undefined) await rm(this.#path, { recursive: true, force: true });
  }

  #showLater(): void {
    // Whatever is made in it gives it the file system's own time.
    const show = async (): Promise<void> => {
      const sign = join(this.path, '.in-use');
      await mkdir(sign).then(
        () => rmdir(sign),
        () => {},
      );
    };
    this.#timer = this.#options.clock.setTimer(
      () => {
        void show().catch(() => {});
        this.#showLater();
      },
      SIGN_EVERY_MS,
      { unref: true },
    );
  }
}

/** Whether the server that made this directory is gone: pure. */
export function isLeft(
  name: string,
  own: Owner,
  silentMs: number,
  isAlive: (pid: number) => boolean,
): boolean {
  const [, namespace, pid] = NAME.exec(name) ?? [];
  if (namespace === undefined) return false;
  // Of a process that can be seen the sign does not matter. Who has our id may be another gateway of this process.
  if (namespace === own.namespace && Number(pid) !== own.pid) return !isAlive(Number(pid));
  return silentMs > LEFT_AFTER_MS;
}

async function removeLeft(parent: string, mine: string, own: Owner): Promise<string[]> {
  const removed: string[] = [];
  // The file system's own time, which may be that of another machine.
  const { mtimeMs: now, uid } = await lstat(mine);
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const facts = NAME.test(name) ? await lstat(path).catch(() => undefined) : undefined;
    if (!facts?.isDirectory() || facts.uid !== uid || path === mine) continue;
    if (!isLeft(name, own, now - facts.mtimeMs, isAlive)) continue;
    const gone = await rm(path, { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
    if (gone) removed.push(name);
  }
  return removed;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** `0` where the system has none. */
async function pidNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return /\d+/.exec(link)?.[0] ?? '0';
}
