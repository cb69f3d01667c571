import type { Batch, WorkSource } from '../core/batch.js';
import type { RunOutcome } from '../core/channel.js';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Pool } from './pool.js';
import { RetryBudget } from './retry-budget.js';
import { DEFAULT_RETRY_LIMITS, decideRetry, type RetryDecision, type RetryLimits } from './retry-policy.js';
import type { Slot } from './slot.js';

export interface DispatcherOptions {
  readonly pool: Pool;
  readonly source: WorkSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @default DEFAULT_RETRY_LIMITS */
  readonly retry?: RetryLimits;
  /** When a client whose batch was given up may try again. @default 100 */
  readonly retryAfterMs?: number;
  /** Longest wait of a batch for a worker, also where its callers have more time. @default 60_000 */
  readonly maxWaitMs?: number;
  /**
   * Calls back soon, when what has arrived together has been read: new work is dispatched then. `setImmediate` costs a
   * lone request microseconds, and lets requests that one turn of the event loop brings run as one batch, not as one and
   * the rest. @default at once
   */
  readonly soon?: (dispatch: () => void) => void;
}

/** A batch on its way, with what the dispatcher remembers of it. */
interface Work {
  readonly batch: Batch;
  faults: number;
  /** The worker that it met its last fault on. */
  avoid: object | undefined;
  /** Gives it up when it has waited too long for a worker. */
  timer: TimerHandle | undefined;
}

/** Batches that may wait for a worker, for each slot there is. */
const MAX_WAITING_PER_SLOT = 4;

/**
 * Hands batches to workers: whenever a slot is free and something waits, at once. A batch that meets a fault goes to
 * another worker while its callers wait; if none lives it waits for one. Every batch ends in `complete`, `split` or `fail` once.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #retry: RetryLimits;
  readonly #budget = new RetryBudget();
  readonly #waiting: Work[] = [];
  #pumping = false;
  #again = false;
  #closing = false;
  #scheduled = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#retry = options.retry ?? DEFAULT_RETRY_LIMITS;
    options.source.onWork = options.soon === undefined ? this.#pump : this.#schedule;
    options.pool.onFree = this.#pump;
  }

  /** Batches that wait for a worker after a fault. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes no more work, and fails what waits for a worker. Runs that were sent still end as they do. */
  close(): void {
    this.#closing = true;
    this.#options.source.onWork = () => {};
    this.#options.pool.onFree = () => {};
    for (const work of this.#waiting.splice(0)) {
      work.timer?.cancel();
      this.#fail(
        work,
        new GatewayError('UNAVAILABLE', 'the server is shutting down', { reason: 'draining' }),
      );
    }
  }

  readonly #schedule = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.soon?.(this.#dispatchScheduled);
  };

  readonly #dispatchScheduled = (): void => {
    this.#scheduled = false;
    try {
      this.#pump();
    } catch (error) {
      // A bug, and nobody is there to be told: what waits stays for the next pump, and for its deadline.
      this.#options.logger.error({ err: error }, 'no work could be dispatched');
    }
  };

  /** May be called from within itself: a send changes a slot, and a batch that fails may make room for others. */
  readonly #pump = (): void => {
    this.#again = true;
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#again && !this.#closing) {
        this.#again = false;
        for (const slot of this.#options.pool.slots) this.#fill(slot);
      }
    } finally {
      this.#pumping = false;
    }
  };

  #fill(slot: Slot): void {
    while (slot.free && !this.#closing) {
      const work = this.#next(slot);
      if (work === undefined) return;
      this.#send(slot, work);
    }
  }

  /** What has waited longest and may run here, else the batcher's next. */
  #next(slot: Slot): Work | undefined {
    const index = this.#waiting.findIndex((work) => this.#mayRun(work, slot));
    if (index !== -1) {
      const [work] = this.#waiting.splice(index, 1) as [Work];
      work.timer?.cancel();
      return work;
    }
    const batch = this.#take(slot);
    return batch && { batch, faults: 0, avoid: undefined, timer: undefined };
  }

  /** What this worker could not load stays with the batcher, open, for one that could. */
  #take(slot: Slot): Batch | undefined {
    try {
      return this.#options.source.take(slot.canRun, slot.freeInMs(this.#options.clock.now()));
    } catch (error) {
      this.#options.logger.error({ err: error }, 'no batch could be formed');
      return undefined;
    }
  }

  #mayRun(work: Work, slot: Slot): boolean {
    if (!slot.canRun(work.batch.key)) return false;
    if (work.avoid === undefined || slot.worker !== work.avoid) return true;
    return !this.#options.pool.slots.some((other) => other !== slot && other.live);
  }

  #send(slot: Slot, work: Work): void {
    const refusal = this.#options.pool.refusalOf(work.batch.key);
    if (refusal !== undefined) {
      this.#fail(work, refusal);
      return;
    }
    try {
      const command = work.batch.gather();
      // Everybody has left: there is nothing to run, and nobody to tell.
      if (command === undefined) return;
      const worker = slot.worker;
      this.#budget.sent();
      work.batch.trace?.sent(slot.index, this.#options.clock.now(), command.expectedMs);
      slot.run(command, (outcome) => this.#onOutcome(work, worker, outcome));
    } catch (error) {
      this.#options.logger.error({ err: error, key: work.batch.key }, 'a batch could not be sent');
      this.#fail(work, GatewayError.from(error));
    }
  }

  #onOutcome(work: Work, worker: object | undefined, outcome: RunOutcome): void {
    work.batch.trace?.ran(outcome, this.#options.clock.now());
    if (outcome.kind === 'fault') {
      this.#onFault(work, worker, outcome);
      return;
    }
    try {
      work.batch.complete(outcome);
    } catch (error) {
      this.#options.logger.error({ err: error, key: work.batch.key }, 'a batch could not be completed');
      this.#fail(work, GatewayError.from(error));
    }
  }

  #onFault(work: Work, worker: object | undefined, outcome: Extract<RunOutcome, { kind: 'fault' }>): void {
    const { batch } = work;
    work.faults++;
    work.avoid = worker;
    if (outcome.started) batch.attempts++;
    const decision = decideRetry(
      {
        attempts: batch.attempts,
        faults: work.faults,
        requests: batch.requests,
        timeLeftMs: batch.latestDeadline - this.#options.clock.now(),
        closing: this.#closing,
        withinBudget: () => this.#budget.take(),
      },
      this.#retry,
    );
    const { reason } = outcome;
    this.#options.logger.warn({ key: batch.key, reason, ...decision }, 'a batch met a fault');
    this.#carryOut(decision, work, reason);
  }

  #carryOut({ kind }: RetryDecision, work: Work, reason: string): void {
    const { batch } = work;
    if (kind === 'again') {
      this.#wait(work);
      this.#pump();
    } else if (kind === 'split') batch.split();
    else if (kind === 'quarantine') this.#fail(work, poison(batch.attempts, reason));
    else this.#fail(work, this.#givenUp(`the worker that ran it has ended: ${reason}`));
  }

  #wait(work: Work): void {
    const { pool, clock, maxWaitMs = 60_000 } = this.#options;
    if (this.#waiting.length >= MAX_WAITING_PER_SLOT * pool.slots.length) {
      this.#fail(work, this.#givenUp('no worker can take it'));
      return;
    }
    this.#waiting.push(work);
    const delayMs = Math.min(maxWaitMs, work.batch.latestDeadline - clock.now());
    work.timer = clock.setTimer(() => {
      this.#waiting.splice(this.#waiting.indexOf(work), 1);
      this.#fail(work, this.#givenUp('no worker was there in time'));
    }, delayMs);
  }

  #givenUp(why: string): GatewayError {
    return new GatewayError('UNAVAILABLE', `the request could not be run: ${why}`, {
      reason: 'worker_fault',
      retryAfterMs: this.#options.retryAfterMs ?? 100,
    });
  }

  #fail(work: Work, error: GatewayError): void {
    try {
      work.batch.fail(error);
    } catch (thrown) {
      this.#options.logger.error({ err: thrown, key: work.batch.key }, 'a batch could not be failed');
    }
  }
}

/** Of a request that is alone in its batch when it ends a worker, and not for the first time. */
function poison(workers: number, reason: string): GatewayError {
  const message = `the request has ended ${workers} workers, the last one alone, and is not run again: ${reason}`;
  return new GatewayError('INTERNAL', message, { reason: 'poison' });
}
