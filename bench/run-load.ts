import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from './clock.js';
import type { LoadPlan, LoadResult, Progress, RunLoad } from './contract.js';
import type { PartProgress, PartResult } from './load/driver.js';
import { mergeParts, mergeProgress } from './load/merge.js';
import type { FromGenerator, ToGenerator } from './load/messages.js';

/** So long after the last process is ready do all begin: the message has reached each by then. */
const START_DELAY_MS = 30;

/**
 * Runs one measurement in generator processes of its own, all of which have ended when this settles.
 * @throws Error when the target cannot be reached at all or a generator process breaks; the signal's reason when aborted.
 */
export const runLoad: RunLoad = async (plan, options = {}) => {
  options.signal?.throwIfAborted();
  assertRunnable(plan);
  const generators = Array.from({ length: plan.processes }, () => new Generator());
  const abort = (): void => {
    for (const generator of generators) generator.kill();
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await measure(plan, generators, options.onProgress);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
    abort();
    await Promise.all(generators.map((generator) => generator.ended));
  }
};

async function measure(
  plan: LoadPlan,
  generators: readonly Generator[],
  onProgress: ((progress: Progress) => void) | undefined,
): Promise<LoadResult> {
  const latest = new Map<number, PartProgress>();
  for (const [index, generator] of generators.entries()) {
    generator.send({ kind: 'plan', plan, index, progress: onProgress !== undefined });
    generator.onProgress = (progress) => {
      // Told once all have said something new: figures of one interval, of the whole load.
      latest.set(index, progress);
      if (latest.size < generators.length) return;
      onProgress?.(mergeProgress([...latest.values()]));
      latest.clear();
    };
  }
  const { host, port } = plan.target;
  for (const generator of generators) {
    const first = await generator.next();
    if (first.kind === 'unreachable') throw new Error(`Cannot reach ${host}:${port}: ${first.reason}`);
  }
  const atMs = monotonicMs() + START_DELAY_MS;
  for (const generator of generators) generator.send({ kind: 'start', atMs });
  const parts: PartResult[] = [];
  for (const generator of generators) {
    const last = await generator.next();
    if (last.kind === 'result') parts.push(last.result);
  }
  return mergeParts(plan, parts);
}

/** What would otherwise show as a run without calls. */
function assertRunnable({
  templates,
  processes,
  connections,
  streamsPerConnection,
  arrivals,
}: LoadPlan): void {
  if (templates.length === 0) throw new Error('Cannot run a load without a template');
  for (const { name, bodies, weight, expect } of templates) {
    if (bodies.length === 0) throw new Error(`Cannot run template "${name}": it has no body`);
    if (!(weight > 0))
      throw new Error(`Cannot run template "${name}": its weight is ${weight}, wanted more than 0`);
    if (expect !== undefined && expect.length !== bodies.length)
      throw new Error(
        `Cannot run template "${name}": ${bodies.length} bodies with ${expect.length} expected answers`,
      );
  }
  for (const [what, count] of Object.entries({ processes, connections, streamsPerConnection })) {
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`Cannot run a load with ${what} ${count}: wanted a whole number from 1`);
  }
  if ('ratePerS' in arrivals && !(arrivals.ratePerS > 0 && arrivals.ratePerS < Number.POSITIVE_INFINITY))
    throw new Error(`Cannot offer ${arrivals.ratePerS} calls/s: wanted more than 0`);
  if (arrivals.kind === 'bursts' && !(arrivals.onMs > 0 && arrivals.offMs >= 0))
    throw new Error(`Cannot offer bursts of ${arrivals.onMs} ms with ${arrivals.offMs} ms between them`);
}

/** One generator process, as its parent sees it. */
class Generator {
  readonly #child: ChildProcess;
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<void>;
  onProgress: ((progress: PartProgress) => void) | undefined;
  readonly #messages: FromGenerator[] = [];
  #failure: Error | undefined;
  #waiting: { resolve: (message: FromGenerator) => void; reject: (error: Error) => void } | undefined;

  constructor() {
    // No flags of this process: under a test runner they would make the generator a test.
    this.#child = fork(fileURLToPath(new URL('generator.js', import.meta.url)), [], {
      execArgv: [],
      serialization: 'advanced',
    });
    this.#child.on('message', (message: FromGenerator) => {
      if (message.kind === 'progress') this.onProgress?.(message.progress);
      else if (this.#waiting === undefined) this.#messages.push(message);
      else {
        this.#waiting.resolve(message);
        this.#waiting = undefined;
      }
    });
    this.#child.on('error', (error) => this.#fail(error));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#fail(new Error(`A generator process ended with ${code ?? signal} before it had a result`));
        resolve();
      });
    });
  }

  send(message: ToGenerator): void {
    this.#child.send(message, (error) => {
      if (error !== null) this.#fail(error);
    });
  }

  /** The next message that is no progress; rejects when there can be none. */
  next(): Promise<FromGenerator> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}
