import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PrepareReply, PrepareTask } from '../../worker/protocol.js';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Manifest, PrepareRequest } from '../core/manifest.js';

export interface PreparerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time for one version; its child is killed after. @default 60_000 */
  readonly timeoutMs?: number;
  /** A child that has had nothing to do for this long is ended: it holds memory for nothing. @default 5_000 */
  readonly idleTimeoutMs?: number;
  /** The child's module. @default worker/prepare.js of this build */
  readonly childUrl?: URL;
}

interface Job {
  readonly id: number;
  readonly request: PrepareRequest;
  readonly resolve: (manifest: Manifest) => void;
  readonly reject: (error: GatewayError) => void;
}

const DEFAULT_CHILD = new URL('../../worker/prepare.js', import.meta.url);
/** What is kept of the child's last words. */
const STDERR_TAIL_CHARS = 300;

/**
 * Prepares versions in a child process of its own, one after the other, so that a model that crashes, hangs or eats all
 * memory breaks nothing but its own preparation: the child is then replaced for the next one.
 */
export class Preparer {
  readonly #options: PreparerOptions;
  readonly #queue: Job[] = [];
  #current: { readonly job: Job; readonly timer: TimerHandle } | undefined;
  #child: ChildProcess | undefined;
  #stderr = '';
  #timedOut = false;
  #closed = false;
  #idleTimer: TimerHandle | undefined;
  #nextId = 1;

  constructor(options: PreparerOptions) {
    this.#options = options;
  }

  /**
   * Prepares one version, after those that were asked for before. Rejects with FAILED_PRECONDITION and `failed to load`
   * in the message; UNAVAILABLE when closed.
   */
  readonly prepare = (request: PrepareRequest): Promise<Manifest> =>
    new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError(request));
        return;
      }
      this.#queue.push({ id: this.#nextId++, request, resolve, reject });
      this.#next();
    });

  /** Ends the child at once and rejects what is left. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const jobs = [...(this.#current ? [this.#current.job] : []), ...this.#queue.splice(0)];
    this.#idleTimer?.cancel();
    this.#current?.timer.cancel();
    this.#current = undefined;
    for (const job of jobs) job.reject(closedError(job.request));
    await this.#end();
  }

  #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    const running = child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
    if (child === undefined || !running) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const job = this.#queue.shift();
    this.#idleTimer?.cancel();
    const { clock, timeoutMs = 60_000, idleTimeoutMs = 5_000 } = this.#options;
    if (job === undefined) {
      this.#idleTimer = clock.setTimer(() => void this.#end(), idleTimeoutMs, { unref: true });
      return;
    }
    const timer = clock.setTimer(() => {
      this.#timedOut = true;
      this.#child?.kill('SIGKILL');
    }, timeoutMs);
    this.#current = { job, timer };
    this.#timedOut = false;
    this.#stderr = '';
    this.#child ??= this.#fork();
    const task: PrepareTask<PrepareRequest> = { id: job.id, request: job.request };
    // A child that cannot be told has ended or is about to: its exit settles the job.
    this.#child.send(task, () => {});
  }

  #fork(): ChildProcess {
    const child = fork(fileURLToPath(this.#options.childUrl ?? DEFAULT_CHILD), [], {
      execArgv: [],
      // Nothing of the server's environment: no secrets, no options. The runtime's telemetry is off before it is loaded.
      env: { ORT_DISABLE_TELEMETRY: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL_CHARS);
    });
    child.on('message', (reply: PrepareReply<Manifest>) => this.#onReply(reply));
    // 'close' comes after the last of stderr has been read, unlike 'exit'.
    child.once('close', (code, signal) => this.#onGone(child, signal ?? `exit code ${code}`));
    child.on('error', (error) => {
      this.#options.logger.error({ err: error }, 'the preparing process has trouble');
      if (child.pid === undefined) this.#onGone(child, 'it could not be started');
    });
    return child;
  }

  #onReply(reply: PrepareReply<Manifest>): void {
    const job = this.#current?.job;
    if (job === undefined || reply.id !== job.id) return;
    this.#settle();
    if (reply.ok) job.resolve(reply.manifest);
    else job.reject(new GatewayError('FAILED_PRECONDITION', reply.message, { reason: 'model_error' }));
    this.#next();
  }

  #onGone(child: ChildProcess, how: string): void {
    if (this.#child === child) this.#child = undefined;
    else return;
    const job = this.#current?.job;
    if (job === undefined) return;
    this.#settle();
    const { timeoutMs = 60_000 } = this.#options;
    const { model, version } = job.request;
    const why = this.#timedOut
      ? `preparing it took longer than ${timeoutMs} ms`
      : `the process that prepared it died (${how})`;
    this.#options.logger.warn({ model, version, how, stderr: this.#stderr }, 'a preparing process died');
    job.reject(
      new GatewayError(
        'FAILED_PRECONDITION',
        `failed to load model ${quote(model)} version ${version}: ${why}`,
        {
          reason: 'model_error',
          cause: this.#stderr,
        },
      ),
    );
    this.#next();
  }

  #settle(): void {
    this.#current?.timer.cancel();
    this.#current = undefined;
  }
}

function closedError({ model, version }: PrepareRequest): GatewayError {
  return new GatewayError(
    'UNAVAILABLE',
    `failed to load model ${quote(model)} version ${version}: the server is shutting down`,
    { reason: 'draining' },
  );
}
