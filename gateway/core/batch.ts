import type { BatchTrace } from './batch-trace.js';
import type { RunCommand, RunOutcome } from './channel.js';
import type { Deadline } from './deadline.js';
import type { GatewayError } from './error.js';

/** Entries that run together, as the dispatcher sees them. */
export interface Batch {
  /** `versionKey` of the model version that all entries want. */
  readonly key: string;
  /** How often it was started on a worker that then failed. */
  attempts: number;
  /** Requests that were in its last run. */
  readonly requests: number;
  /** Where its runs are noted; undefined where none of its requests is traced. */
  readonly trace?: BatchTrace | undefined;
  /** Latest deadline of its live entries: beyond it nobody waits for an answer. */
  readonly latestDeadline: Deadline;
  /**
   * Copies the rows of the entries that still wait into fresh buffers, ready to be transferred. Called once per
   * attempt, since a transfer empties them. Undefined when nobody waits any more: nothing is to be run.
   */
  gather(): RunCommand | undefined;
  /** Hands a success or a rejection to the entries; each settles once. */
  complete(outcome: Extract<RunOutcome, { kind: 'success' | 'rejected' }>): void;
  /** It is over, and its halves are what `take` gives next: it has ended workers, and one of its entries may be to blame. */
  split(): void;
  /** Gives up: every waiting entry fails with this. */
  fail(error: GatewayError): void;
}

/** Where a free worker's next batch comes from: the batcher, as the dispatcher sees it. */
export interface WorkSource {
  /**
   * The next batch to run, formed now; undefined when nothing waits.
   *
   * @param runs whether the free worker can run a version, by its `versionKey`; what it cannot stays where it is
   * @param startsInMs when the run that it has is predicted to end; 0 when it has none
   */
  take(runs: (key: string) => boolean, startsInMs: number): Batch | undefined;
  /** Set by the dispatcher: called when there is something to take. */
  onWork: () => void;
}
