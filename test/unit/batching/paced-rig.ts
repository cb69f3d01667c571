import assert from 'node:assert/strict';
import type { BatcherOptions } from '../../../gateway/batching/batcher-options.js';
import { NO_SCHEDULING } from '../../../gateway/batching/queue-policy.js';
import type { Manifest } from '../../../gateway/core/manifest.js';
import type { QueuePolicy, Scheduling } from '../../../gateway/core/scheduling.js';
import { echo, flush, manifestOf, type Pending, Rig, type SubmitOptions } from './rig.js';

/** A model with a `dynamic_batching` of its own; nothing is known of how long it runs. */
export function scheduled(
  scheduling: Partial<Scheduling>,
  overrides: Parameters<typeof manifestOf>[0] = {},
): Manifest {
  const configuration = { inputs: [], outputs: [], parameters: {}, runtime: {} };
  return manifestOf({
    configuration: { ...configuration, scheduling: { ...NO_SCHEDULING, ...scheduling } },
    ...overrides,
  });
}

export function policy(of: Partial<QueuePolicy> = {}): QueuePolicy {
  return { timeoutAction: 'reject', allowTimeoutOverride: false, ...of };
}

/** A request of so many rows, so many milliseconds after the start. */
export interface Sent extends Omit<SubmitOptions, 'manifest' | 'rows' | 'cancellation'> {
  readonly at?: number;
  readonly rows: number;
}

/**
 * A rig with workers that run for a set time each, and that look for work only when they are told of some: a wake-up that is
 * forgotten shows as a batch that comes late or never.
 */
export class PacedRig extends Rig {
  /** Of each batch when it was taken, `rows@ms since the start`. */
  readonly began: string[] = [];
  /** `rows of a batch` -> how often: Triton's execution counts. */
  readonly counts: Record<number, number> = {};
  /** Numbers of the requests as they were answered or failed. */
  readonly left: number[] = [];
  readonly sent: Pending[] = [];
  readonly #startedAt = this.clock.now();
  readonly #idle: number[];
  #pumping = false;

  /** @param runMs how long each worker takes for a run; 0 for no time at all */
  constructor(runMs: readonly number[] = [0], options: Partial<BatcherOptions> = {}) {
    super({ workers: () => runMs.length, ...options });
    this.#idle = [...runMs];
    this.batcher.onWork = () => {
      this.signals++;
      this.#pump();
    };
  }

  /** Submits requests at their times; the batcher is held until `hold` of them wait. All have long settled when it is back. */
  async play(manifest: Manifest, requests: readonly Sent[], hold = 0): Promise<void> {
    if (hold > 0) this.batcher.hold();
    for (const [index, { at = 0, rows, ...options }] of requests.entries()) {
      await this.until(at);
      const { width = 1 } = options;
      this.send({ manifest, rows: Array(rows).fill(Array(width).fill(index)), ...options });
      if (index + 1 === hold) this.batcher.release();
    }
    await this.until(60_000);
  }

  send(options: SubmitOptions): Pending {
    const index = this.sent.length;
    const pending = this.submit(options);
    this.sent.push(pending);
    const leave = (): void => void this.left.push(index);
    pending.promise.then(leave, leave);
    return pending;
  }

  /** Moves time on in steps, so that what settled meanwhile is seen in its order. */
  async until(ms: number): Promise<void> {
    const now = this.clock.now() - this.#startedAt;
    for (let at = now; at < ms; ) {
      const step = Math.min(ms - at, 50);
      this.clock.advance(step);
      at += step;
      await flush();
    }
    await flush();
  }

  /** What each request came to: `OK`, or its code and the first words of its message. */
  get outcomes(): string[] {
    return this.sent.map(({ state, error }) =>
      error === undefined ? state : `${state}: ${error.message.split(':')[0]}`,
    );
  }

  /** Fails unless every request was answered with its own rows. */
  assertEchoes(requests: readonly Sent[]): void {
    for (const [index, { rows, width = 1, outputs = [] }] of requests.entries()) {
      const pending = this.sent[index] as Pending;
      assert.equal(pending.state, 'OK', `request ${index}: ${pending.error?.message}`);
      assert.deepEqual(
        pending.result?.outputs.map(({ name }) => name),
        outputs.length > 0 ? outputs : ['Y', 'Z'],
      );
      const factor = outputs[0] === 'Z' ? 2 : 1;
      assert.deepEqual(pending.answer, Array(rows * width).fill(index * factor));
    }
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#idle.length > 0 && this.#start(this.#idle[0] as number));
    this.#pumping = false;
  }

  #start(runMs: number): boolean {
    const batch = this.batcher.take();
    if (batch === undefined) return false;
    const command = batch.gather();
    if (command === undefined) return true;
    const rows = command.inputs[0]?.shape[0] as number;
    const now = this.clock.now();
    this.began.push(`${rows}@${now - this.#startedAt}`);
    this.counts[rows] = (this.counts[rows] ?? 0) + 1;
    const outcome = echo(command, now, now + Math.max(1, runMs));
    if (runMs === 0) {
      batch.complete(outcome);
      return true;
    }
    this.#idle.shift();
    this.clock.setTimer(() => {
      batch.complete(outcome);
      this.#idle.push(runMs);
      this.#pump();
    }, runMs);
    return true;
  }
}
