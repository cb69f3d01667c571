import type { Clock, TimerHandle } from '../../core/clock.js';
import type { SpanData } from './span.js';

/** Where spans go. */
export interface SpanExporter {
  /** `done` is called once, with what went wrong if something did. May throw. */
  export(spans: readonly SpanData[], done: (failure: unknown) => void): void;
  /** Ends its connection. Never rejects. */
  shutdown(): Promise<void>;
}

export interface SpanQueueOptions {
  readonly clock: Clock;
  /** Most spans that wait; more are dropped. */
  readonly maxSpans: number;
  /** Most spans of one export. */
  readonly maxExport: number;
  /** How long spans may wait for others. */
  readonly delayMs: number;
  /** After which an export counts as failed. */
  readonly exportTimeoutMs: number;
  /** Told of every export that failed. */
  readonly onFailure: (failure: unknown, spans: number) => void;
}

/** Spans by what became of them. */
export interface SpanCounts {
  readonly exported: number;
  /** There was no room, or no time. */
  readonly dropped: number;
  /** Their export failed. */
  readonly failed: number;
}

/**
 * Spans on their way out: at most so many, one export at a time, none of them waited for. Whatever the other side does costs
 * spans, which are counted, and nothing else.
 */
export class SpanQueue {
  readonly #options: SpanQueueOptions;
  #exporter: SpanExporter | undefined;
  #spans: SpanData[] = [];
  #timer: TimerHandle | undefined;
  #exporting = false;
  #closed = false;
  #exported = 0;
  #dropped = 0;
  #failed = 0;
  /** Called when an export has ended, while it closes. */
  #onIdle: () => void = () => {};

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  get counts(): SpanCounts {
    return { exported: this.#exported, dropped: this.#dropped, failed: this.#failed };
  }

  /** Whether there is room for no more: what is not wanted need not be made. */
  get full(): boolean {
    return this.#spans.length >= this.#options.maxSpans || this.#closed;
  }

  /** From now on there is somewhere to send them. */
  open(exporter: SpanExporter): void {
    this.#exporter = exporter;
    this.#schedule();
  }

  add(span: SpanData): void {
    if (this.full) {
      this.#dropped++;
      return;
    }
    this.#spans.push(span);
    this.#schedule();
  }

  /** Counts spans that were not made for want of room. */
  drop(spans: number): void {
    this.#dropped += spans;
  }

  /** Sends what waits, for `maxMs` at most; what is left is dropped. Never rejects. */
  async close(maxMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    let late = false;
    let wake = (): void => {};
    const timer = clock.setTimer(() => {
      late = true;
      wake();
    }, maxMs);
    const inTime = (what: Promise<unknown>): Promise<unknown> =>
      Promise.race([what, new Promise<void>((resolve) => (wake = resolve))]);
    while (this.#exporter !== undefined && !late && (this.#exporting || this.#spans.length > 0)) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      this.#send();
      await inTime(idle);
    }
    this.#dropped += this.#spans.length;
    this.#spans = [];
    if (this.#exporter !== undefined && !late) await inTime(this.#exporter.shutdown());
    else void this.#exporter?.shutdown();
    timer.cancel();
  }

  #schedule(): void {
    if (this.#exporter === undefined || this.#exporting || this.#closed || this.#spans.length === 0) return;
    const soon = this.#spans.length >= this.#options.maxExport;
    if (this.#timer !== undefined && !soon) return;
    this.#timer?.cancel();
    // Never at once: whoever ends a call has its answer to send first.
    this.#timer = this.#options.clock.setTimer(this.#onTimer, soon ? 0 : this.#options.delayMs, {
      unref: true,
    });
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#send();
  };

  #send(): void {
    const exporter = this.#exporter;
    if (exporter === undefined || this.#exporting || this.#spans.length === 0) return;
    const { clock, maxExport, exportTimeoutMs } = this.#options;
    const spans = this.#spans.splice(0, maxExport);
    this.#exporting = true;
    const timeout = clock.setTimer(
      () => done(new Error(`no answer within ${exportTimeoutMs} ms`)),
      exportTimeoutMs,
      {
        unref: true,
      },
    );
    let over = false;
    const done = (failure: unknown): void => {
      if (over) return;
      over = true;
      timeout.cancel();
      this.#ended(spans.length, failure);
    };
    try {
      exporter.export(spans, done);
    } catch (thrown) {
      done(thrown);
    }
  }

  #ended(spans: number, failure: unknown): void {
    this.#exporting = false;
    if (failure === undefined) this.#exported += spans;
    else {
      this.#failed += spans;
      this.#options.onFailure(failure, spans);
    }
    this.#onIdle();
    this.#schedule();
  }
}
