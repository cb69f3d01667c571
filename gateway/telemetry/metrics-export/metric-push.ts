import type { Clock, TimerHandle } from '../../core/clock.js';

export interface MetricPushOptions {
  readonly clock: Clock;
  /** From the beginning of one export to that of the next. */
  readonly intervalMs: number;
  /** After which an export counts as failed. */
  readonly timeoutMs: number;
  /** Sends the metrics as they are now; `done` is called once, with what went wrong if something did. May throw. */
  readonly send: (done: (failure: unknown) => void) => void;
  /** Told of every export that failed. */
  readonly onFailure: (failure: unknown) => void;
}

/** Sends metrics again and again, one export at a time. Whatever the other side does costs that export, and nothing else. */
export class MetricPush {
  readonly #options: MetricPushOptions;
  #timer: TimerHandle | undefined;
  #exporting: Promise<void> | undefined;
  #closed = false;

  constructor(options: MetricPushOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule();
  }

  /** Sends what is counted by now, for `maxMs` at most. Never rejects. */
  async close(maxMs: number): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const { clock } = this.#options;
    let timer: TimerHandle | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimer(resolve, maxMs);
    });
    await Promise.race([late, this.#last()]);
    timer?.cancel();
  }

  async #last(): Promise<void> {
    await this.#exporting;
    await this.#export();
  }

  #schedule(): void {
    if (this.#closed) return;
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.setTimer(this.#onTimer, intervalMs, { unref: true });
  }

  readonly #onTimer = (): void => {
    this.#schedule();
    // One that lasts longer than the interval is let come to its end.
    if (this.#exporting === undefined) void this.#export();
  };

  async #export(): Promise<void> {
    this.#exporting = this.#exportOnce();
    await this.#exporting;
    this.#exporting = undefined;
  }

  #exportOnce(): Promise<void> {
    const { clock, timeoutMs, send, onFailure } = this.#options;
    return new Promise<void>((resolve) => {
      let over = false;
      const done = (failure: unknown): void => {
        if (over) return;
        over = true;
        timeout.cancel();
        if (failure !== undefined) onFailure(failure);
        resolve();
      };
      const late = () => done(new Error(`no answer within ${timeoutMs} ms`));
      const timeout = clock.setTimer(late, timeoutMs, { unref: true });
      try {
        send(done);
      } catch (thrown) {
        done(thrown);
      }
    });
  }
}
