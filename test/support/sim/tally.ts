import type { GatewayError, Reason, StatusCode } from '../../../gateway/core/error.js';

/** What became of the requests of one kind, counted in rows. */
export class Tally {
  /** Rows that came, and those of them that were answered, within the time that counts. */
  offered = 0;
  offeredAnswered = 0;
  /** Rows whose answer came within the time that counts. */
  answered = 0;
  /** By second since the beginning, counted always. */
  readonly answeredBySecond: number[] = [];
  /** Answers that came after their deadline: the batcher should have failed them. */
  afterDeadline = 0;
  /** By code and reason, within the time that counts. */
  readonly failed = new Map<string, number>();
  readonly #latencies: number[] = [];

  success(rows: number, latencyMs: number, comeCounts: boolean, nowCounts: boolean, second: number): void {
    if (comeCounts) {
      this.offeredAnswered += rows;
      this.#latencies.push(latencyMs);
    }
    if (nowCounts) this.answered += rows;
    this.answeredBySecond[second] = (this.answeredBySecond[second] ?? 0) + rows;
  }

  failure(rows: number, error: GatewayError): void {
    const what: `${StatusCode} ${Reason | ''}` = `${error.code} ${error.details.reason ?? ''}`;
    this.failed.set(what, (this.failed.get(what) ?? 0) + rows);
  }

  /** Of the latencies of answers, in milliseconds; NaN when there was none. */
  quantile(q: number): number {
    const sorted = Float64Array.from(this.#latencies).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  }

  /** Rows a second over whole seconds, `from` included and `to` not. */
  rate(from: number, to: number): number {
    let rows = 0;
    for (let second = from; second < to; second++) rows += this.answeredBySecond[second] ?? 0;
    return rows / (to - from);
  }
}
