import type {
  CallerReport,
  CallerUse,
  CallFate,
  CallMemory,
  CallNotes,
  CallRecord,
} from '../../core/call-record.js';
import { type Clock, wallClockMs } from '../../core/clock.js';
import { quote, type StatusCode } from '../../core/error.js';
import type { Logger } from '../../core/logger.js';
import { CallerTally } from './caller-tally.js';
import { LineLimit } from './line-limit.js';
import { RecentCalls } from './recent-calls.js';

export interface CallJournalOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  /** Calls remembered of each fate. */
  readonly rememberedCalls: number;
  /** Log lines about calls, a second. */
  readonly callLinesPerSec: number;
}

/** What the server is to blame for, or lacks: worth a warning. All else is its callers' business. */
const SERVER_FAULTS: ReadonlySet<StatusCode | 'OK'> = new Set<StatusCode>(['INTERNAL', 'UNAVAILABLE']);

/**
 * Remembers calls that failed, were refused or were slow, and writes one line of each, as far as the limit goes; and how much each caller
 * has asked for of late.
 */
export class CallJournal implements CallNotes, CallMemory {
  readonly #options: CallJournalOptions;
  readonly #recent: RecentCalls;
  readonly #limit: LineLimit;
  readonly #tally = new CallerTally();

  constructor(options: CallJournalOptions) {
    this.#options = options;
    this.#recent = new RecentCalls(options.rememberedCalls);
    this.#limit = new LineLimit(options.callLinesPerSec);
  }

  note(record: CallRecord): void {
    this.#recent.add(record);
    // What nobody foresaw has a line of its own, with its cause.
    if (record.reason === 'internal') return;
    const leftOut = this.#limit.take(record.endedAt);
    if (leftOut === undefined) return;
    const { endedAt: _, message, requestId, model, ...facts } = record;
    const fields = {
      ...facts,
      requestId: quote(requestId).slice(1, -1),
      model: quote(model).slice(1, -1),
      ...(message !== '' && { why: message }),
      ...(leftOut > 0 && { linesLeftOut: leftOut }),
    };
    const level = record.fate === 'slow' || SERVER_FAULTS.has(record.code) ? 'warn' : 'info';
    this.#options.logger[level](fields, `a call ${SAID[record.fate]}`);
  }

  used(use: CallerUse): void {
    this.#tally.add(use);
  }

  callers(): CallerReport {
    return this.#tally.read(this.#options.clock.now());
  }

  find(id: string, fate: CallFate | undefined, limit: number): readonly CallRecord[] {
    return this.#recent.find(id, fate, limit);
  }

  wallMs({ endedAt }: CallRecord): number {
    return wallClockMs() - (this.#options.clock.now() - endedAt);
  }
}

const SAID: Readonly<Record<CallFate, string>> = {
  failed: 'failed',
  refused: 'was refused',
  slow: 'was slow',
};
