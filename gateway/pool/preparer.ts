import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PrepareReply, PrepareTask } from '../../worker/protocol.js';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Manifest, PrepareRequest } from '../core/manifest.js';
import { forkLimited } from './preparing-process.js';
import { readStatus, rssBytes, watchRss } from './rss-watch.js';

export interface PreparerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time for one version; its child is killed after. @default 60_000 */
  readonly timeoutMs?: number;
  /** Most resident memory of the child, its own included; it is killed beyond that. @default no limit */
  readonly maxBytes?: number;
  /** Whether a model may have operators that may never end. @default none may */
  readonly allowLoops?: (model: string) => boolean;
  /** A child that has had nothing to do for this long is ended: it holds memory for nothing. @default 5_000 */
  readonly idleTimeoutMs?: number;
  /** The child's module. @default worker/prepare.js of this build */
  readonly childUrl?: URL;
  /** What `/proc/<pid>/status` says; '' where there is none. @default what Linux says */
  readonly statusOf?: (pid: number) => string;
}

interface Job {
  readonly id: number;
  readonly request: PrepareRequest;
  readonly resolve: (manifest: Manifest) => void;
  readonly reject: (error: GatewayError) => void;
}

interface Failure {
  readonly code: 'FAILED_PRECONDITION' | 'RESOURCE_EXHAUSTED';
  readonly why: string;
}

const DEFAULT_CHILD = new URL('../../worker/prepare.js', import.meta.url);
/** How often the child's memory is looked at. A run writes about 1 GB/s, so that 25 MB more are the most it gets. */
const MEMORY_LOOK_MS = 25;
/**
 * A child that holds more than this with nothing to do (its own is about 80 MiB) is not used again: what a former model has
 * left behind would be taken for a part of the next one, or hide a part of it. Nor one that has found no memory: what the runtime
 * had asked for by then it does not give back.
 */
const WORN_BYTES = 160 * 1024 * 1024;
/** How a process that finds no memory puts it at its end: Node, and the C++ library. */
const OUT_OF_MEMORY = /out of memory|allocation failed|bad_alloc/i;
/** What is kept of the child's last words. */
const STDERR_TAIL_CHARS = 300;

/**
 * Prepares versions in a child process of its own, one after the other, so that a model that crashes, hangs or eats all
 * memory breaks nothing but its own preparation: the child is then replaced for the next one.
 */
export class Preparer {
  readonly #options: PreparerOptions;
  readonly #queue: Job[] = [];
  #current: { readonly job: Job; readonly timers: readonly TimerHandle[] } | undefined;
  #child: ChildProcess | undefined;
  #stderr = '';
  /** Why the child was killed, where that was our doing. */
  #excess: Failure | undefined;
  #closed = false;
  #idleTimer: TimerHandle | undefined;
  #nextId = 1;

  constructor(options: PreparerOptions) {
    this.#options = options;
  }

  /**
   * Prepares one version, after those that were asked for before. Rejects with FAILED_PRECONDITION, or RESOURCE_EXHAUSTED
   * where it took too much memory, and `failed to load` in the message; UNAVAILABLE when closed.
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
    this.#settle();
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
    const { clock, idleTimeoutMs = 5_000 } = this.#options;
    if (job === undefined) {
      this.#idleTimer = clock.setTimer(() => void this.#end(), idleTimeoutMs, { unref: true });
      return;
    }
    this.#excess = undefined;
    this.#stderr = '';
    this.#child ??= this.#fork();
    this.#current = { job, timers: this.#limit(this.#child) };
    const allowLoops = this.#options.allowLoops?.(job.request.model) ?? false;
    const task: PrepareTask<PrepareRequest> = { id: job.id, request: { allowLoops, ...job.request } };
    // A child that cannot be told has ended or is about to: its exit settles the job.
    this.#child.send(task, () => {});
  }

  /** Kills the child when it takes longer or more memory than it may. */
  #limit(child: ChildProcess): TimerHandle[] {
    const { clock, timeoutMs = 60_000, maxBytes, statusOf } = this.#options;
    const end = (code: Failure['code'], why: string): void => {
      this.#excess ??= { code, why };
      child.kill('SIGKILL');
    };
    const timer = clock.setTimer(
      () => end('FAILED_PRECONDITION', `preparing it took longer than ${timeoutMs} ms`),
      timeoutMs,
    );
    if (child.pid === undefined || maxBytes === undefined) return [timer];
    const why = `it took more than ${maxBytes} bytes of memory while it was prepared (prepareMemoryBytes)`;
    const watch = watchRss(child.pid, {
      ...{ clock, maxBytes, everyMs: MEMORY_LOOK_MS, peak: true },
      onExcess: () => end('RESOURCE_EXHAUSTED', why),
      ...(statusOf !== undefined && { statusOf }),
    });
    return [timer, watch];
  }

  #fork(): ChildProcess {
    const { childUrl = DEFAULT_CHILD, maxBytes = Number.POSITIVE_INFINITY } = this.#options;
    const child = forkLimited(fileURLToPath(childUrl), maxBytes, {
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
    const { statusOf = readStatus } = this.#options;
    const heldBytes = rssBytes(statusOf(this.#child?.pid ?? 0)) ?? 0;
    const exhausted = !reply.ok && reply.code === 'RESOURCE_EXHAUSTED';
    if (exhausted || heldBytes > WORN_BYTES) void this.#end();
    if (reply.ok) job.resolve(reply.manifest);
    else job.reject(new GatewayError(reply.code, reply.message, { reason: 'model_error' }));
    this.#next();
  }

  #onGone(child: ChildProcess, how: string): void {
    if (this.#child === child) this.#child = undefined;
    else return;
    const job = this.#current?.job;
    if (job === undefined) return;
    this.#settle();
    const { model, version } = job.request;
    const { code, why } = this.#excess ?? deathOf(how, this.#stderr);
    this.#options.logger.warn({ model, version, how, stderr: this.#stderr }, 'a preparing process died');
    job.reject(
      new GatewayError(code, `failed to load model ${quote(model)} version ${version}: ${why}`, {
        reason: 'model_error',
        cause: this.#stderr,
      }),
    );
    this.#next();
  }

  #settle(): void {
    for (const timer of this.#current?.timers ?? []) timer.cancel();
    this.#current = undefined;
  }
}

/** What a death that was not our doing says. */
function deathOf(how: string, stderr: string): Failure {
  const died = `the process that prepared it died (${how})`;
  // Nobody else kills it so.
  if (how === 'SIGKILL')
    return { code: 'RESOURCE_EXHAUSTED', why: `${died}, as the kernel ends one where memory runs out` };
  if (OUT_OF_MEMORY.test(stderr))
    return { code: 'RESOURCE_EXHAUSTED', why: `${died}: it had no memory left` };
  return { code: 'FAILED_PRECONDITION', why: died };
}

function closedError({ model, version }: PrepareRequest): GatewayError {
  return new GatewayError(
    'UNAVAILABLE',
    `failed to load model ${quote(model)} version ${version}: the server is shutting down`,
    { reason: 'draining' },
  );
}
