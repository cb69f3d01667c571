import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import { fileProblem } from '../core/file-problem.js';
import type { Logger } from '../core/logger.js';

const MAX_BYTES = 1024 * 1024;

export interface KeptFilesOptions<T> {
  /** What they are, for messages: `the certificate`. */
  readonly what: string;
  /** The setting that names the first, for the error at start. */
  readonly field: string;
  readonly paths: readonly string[];
  /** Makes the value of the files' bytes, in the order of the paths. Throws an Error whose message may be logged. */
  readonly read: (contents: readonly Buffer[]) => T;
  /** Told of the first value, and of every one that takes its place. */
  readonly use: (value: T) => void;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A value made of files that others replace while it is used. They are looked at by their times, and read together when one has
 * changed. What cannot be used is said once, and the value that there is stays: so two files that belong together may be replaced one
 * after the other.
 */
export class KeptFiles<T> {
  readonly #options: KeptFilesOptions<T>;
  /** As the files were that the value was made of. */
  #print = '';
  /** Of which state of the files a fault was told, and which: not to be told again. */
  #said = '';
  /** As the files were at the last look; `''` where they could not be found. */
  #seen = '';
  #timer: TimerHandle | undefined;
  #stopped = false;

  constructor(options: KeptFilesOptions<T>) {
    this.#options = options;
  }

  /** Reads the files and watches them from then on. Rejects with FAILED_PRECONDITION where they cannot be used. */
  async start(): Promise<void> {
    const { what, field, paths } = this.#options;
    const fault = await this.#look();
    if (fault !== undefined) {
      const message = `${what} cannot be used (${paths.join(', ')}): ${fault}`;
      throw new GatewayError('FAILED_PRECONDITION', message, { field });
    }
    this.#again();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #again(): void {
    const { clock, everyMs } = this.#options;
    if (this.#stopped) return;
    this.#timer = clock.setTimer(() => void this.#poll().finally(() => this.#again()), everyMs, {
      unref: true,
    });
  }

  async #poll(): Promise<void> {
    const { what, paths, logger } = this.#options;
    const before = this.#print;
    const fault = await this.#look();
    if (this.#stopped) return;
    if (fault === undefined) {
      if (this.#print !== before) logger.info({ files: paths }, `${what} was read anew`);
      this.#said = '';
    } else if (`${this.#seen} ${fault}` !== this.#said) {
      this.#said = `${this.#seen} ${fault}`;
      logger.error({ files: paths, why: fault }, `${what} has changed and cannot be used: what was is kept`);
    }
  }

  /** Takes over what has changed; in words why not, if not. */
  async #look(): Promise<string | undefined> {
    const { paths, read, use } = this.#options;
    this.#seen = '';
    try {
      const print = await printOf(paths);
      this.#seen = print;
      if (print === this.#print) return undefined;
      const contents = await Promise.all(paths.map(contentOf));
      // Changed while it was read: at the next look.
      if ((await printOf(paths)) !== print) return this.#print === '' ? 'it changes all the time' : undefined;
      if (this.#stopped) return undefined;
      use(read(contents));
      this.#print = print;
      return undefined;
    } catch (thrown) {
      if (thrown instanceof Error && !('syscall' in thrown)) return thrown.message.slice(0, 300);
      return fileProblem(thrown);
    }
  }
}

/** Changes when a file is written or replaced, also behind a symbolic link. */
async function printOf(paths: readonly string[]): Promise<string> {
  const stats = await Promise.all(paths.map((path) => stat(path, { bigint: true })));
  return stats.map(({ ino, size, mtimeNs, ctimeNs }) => `${ino}/${size}/${mtimeNs}/${ctimeNs}`).join(' ');
}

async function contentOf(path: string): Promise<Buffer> {
  // Without waiting for the other end of a FIFO.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat().then((found) => {
      if (!found.isFile()) throw new Error('it is not a regular file');
      return found;
    });
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, at most ${MAX_BYTES} are read`);
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
