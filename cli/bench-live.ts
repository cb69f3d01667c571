import type { Progress } from '../bench/contract.js';
import { ms, number } from '../bench/report/format.js';

export interface LiveViewOptions {
  readonly write: (text: string) => void;
  /** Redraws one line on a terminal; elsewhere prints a line now and then. */
  readonly terminal: boolean;
  readonly columns: number;
  /** Milliseconds on any monotonic clock. */
  readonly now: () => number;
}

/** Where a measurement stands among the others. */
export interface LivePoint {
  readonly label: string;
  /** From 1. */
  readonly index: number;
  /** Undefined when nobody can know, as in a search. */
  readonly total: number | undefined;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** Between two lines where the output is no terminal. */
const LINE_EVERY_MS = 5000;
const BAR_CELLS = 20;
/** Erases the line and goes to its start. */
const CLEAR = '\r\x1b[2K';

/** Shows how a run goes while it goes: a progress bar on a terminal, plain lines in a log. */
export class LiveView {
  readonly #options: LiveViewOptions;
  #point: LivePoint | undefined;
  #printedAt: number;
  #drawn = false;

  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.#printedAt = options.now();
  }

  begin(point: LivePoint): void {
    this.#point = point;
    this.#printedAt = this.#options.now();
  }

  progress(progress: Progress): void {
    const { terminal, now, write, columns } = this.#options;
    const point = this.#point;
    if (point === undefined) return;
    const text = describe(point, progress);
    if (terminal) {
      const bar = progressBar(shareOf(point, progress));
      write(`${CLEAR}${`${bar} ${text}`.slice(0, Math.max(20, columns - 1))}`);
      this.#drawn = true;
    } else if (now() - this.#printedAt >= LINE_EVERY_MS) {
      this.#printedAt = now();
      write(`${text}\n`);
    }
  }

  /** A line that stays; the bar is drawn anew under it with the next progress. */
  note(text: string): void {
    this.clear();
    this.#options.write(`${text}\n`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#drawn) this.#options.write(CLEAR);
    this.#drawn = false;
  }
}

function describe({ label, index, total }: LivePoint, progress: Progress): string {
  const place = total === undefined ? `step ${index}` : total === 1 ? '' : `${index}/${total}`;
  const { counts, phase, ratePerS, p50Ms, p99Ms, elapsedMs } = progress;
  const where = [place, label].filter((part) => part !== '').join(' ');
  if (phase === 'warmup') return `${where}: warming up`;
  if (phase === 'drain') return `${where}: waiting for the last answers`;
  const bad = counts.late + counts.refused + counts.failed;
  const errors = bad === 0 ? '' : `, ${bad} not answered in time`;
  return `${where}: ${(elapsedMs / 1000).toFixed(0)} s, ${number(ratePerS)}/s, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}${errors}`;
}

/** Of the whole run where its length is known, else of the measurement. */
function shareOf({ index, total, warmupMs, durationMs }: LivePoint, progress: Progress): number {
  const whole = warmupMs + durationMs;
  const passed = {
    warmup: progress.elapsedMs,
    measure: warmupMs + progress.elapsedMs,
    drain: whole,
  }[progress.phase];
  const own = Math.min(1, Math.max(0, passed / whole));
  return total === undefined ? own : (index - 1 + own) / total;
}

/** `[########------------]  40%` */
function progressBar(share: number): string {
  const full = Math.round(share * BAR_CELLS);
  const bar = '#'.repeat(full) + '-'.repeat(BAR_CELLS - full);
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)}%`;
}
