import type { RunOutcome } from './channel.js';
import type { CloseReason } from './close-reason.js';
import type { ModelVersion } from './model.js';
import type { SpanIdentity } from './span-identity.js';

/** A request that is traced, as its batches see it. */
export interface TracedMember {
  batch: BatchTrace | undefined;
  readonly queuedAt: number;
  /** Its spans are made, or will be. */
  readonly kept: boolean;
  /** Its own span. */
  identify(): SpanIdentity;
}

/** A request of a batch, traced or not. */
export interface BatchMember {
  readonly trace: TracedMember | undefined;
}

/** One run of a batch on one worker. Instants are on the Clock's scale. */
export interface RunTrace {
  /** Index of the worker's slot. */
  readonly worker: number;
  /** 1 for the first of its requests, over all the batches that they were in. */
  readonly attempt: number;
  readonly rows: number;
  readonly requests: number;
  /** How long it was predicted to take; undefined where nothing is known. */
  readonly predictedMs: number | undefined;
  readonly sentAt: number;
  /** As the worker measured it; when it was sent and answered, where the worker could not tell. */
  startedAt: number;
  endedAt: number;
  outcome: 'running' | RunOutcome['kind'];
  /** Why it failed; `''` where it did not. */
  reason: string;
}

const NO_RUNS: readonly RunTrace[] = [];

/** What became of one batch: facts only, as in CallTrace. */
export class BatchTrace {
  readonly model: string;
  readonly version: number;
  readonly why: CloseReason;
  readonly formedAt: number;
  readonly members: readonly BatchMember[];
  /** The batch that it is a half of: its requests were in it before. */
  readonly halfOf: BatchTrace | undefined;
  runs: readonly RunTrace[] = NO_RUNS;
  /** Of the last gather. */
  rows = 0;
  requests = 0;
  endedAt = 0;
  /** As its run was counted, in milliseconds; -1 where it was not. */
  inputMs = -1;
  computeMs = -1;
  outputMs = -1;
  /** Set when spans of it are wanted. */
  identity: SpanIdentity | undefined;
  /** Called when it ends. @default nobody is told */
  onEnd: (() => void) | undefined;

  constructor(
    { model, version }: ModelVersion,
    why: CloseReason,
    formedAt: number,
    members: readonly BatchMember[],
  ) {
    this.model = model;
    this.version = version;
    this.why = why;
    this.formedAt = formedAt;
    this.members = members;
    let halfOf: BatchTrace | undefined;
    for (const { trace } of members) {
      if (trace === undefined) continue;
      halfOf ??= trace.batch;
      trace.batch = this;
    }
    this.halfOf = halfOf;
  }

  /** So many rows, of so many requests that still wait, are about to be sent. */
  gathered(rows: number, requests: number): void {
    this.rows = rows;
    this.requests = requests;
  }

  /** They are with a worker. */
  sent(worker: number, at: number, predictedMs: number | undefined): void {
    const run: RunTrace = {
      worker,
      attempt: this.#attempts + 1,
      rows: this.rows,
      requests: this.requests,
      predictedMs,
      sentAt: at,
      startedAt: at,
      endedAt: 0,
      outcome: 'running',
      reason: '',
    };
    // As a rule it is the only one.
    this.runs = this.runs === NO_RUNS ? [run] : [...this.runs, run];
  }

  /** When the first of its requests' runs was sent; 0 while none was. */
  get firstSentAt(): number {
    return this.halfOf?.firstSentAt || (this.runs[0]?.sentAt ?? 0);
  }

  /** The run that was sent last has ended. */
  ran(outcome: RunOutcome, at: number): void {
    const run = this.runs.at(-1);
    if (run === undefined || run.outcome !== 'running') return;
    run.outcome = outcome.kind;
    run.endedAt = at;
    if (outcome.kind === 'success') {
      run.startedAt = outcome.startedAt;
      run.endedAt = outcome.endedAt;
    }
    // What a run says of its data is for the request's own span, if for any.
    else if (outcome.kind === 'fault') run.reason = outcome.reason;
    else run.reason = outcome.error.details.reason ?? outcome.error.code;
  }

  /** The metrics have counted its run so. */
  counted(inputMs: number, computeMs: number, outputMs: number): void {
    this.inputMs = inputMs;
    this.computeMs = computeMs;
    this.outputMs = outputMs;
  }

  /** It is over, however it went. */
  end(at: number): void {
    if (this.endedAt !== 0) return;
    this.endedAt = at;
    this.onEnd?.();
  }

  get #attempts(): number {
    let attempts = 0;
    for (let batch: BatchTrace | undefined = this; batch !== undefined; batch = batch.halfOf)
      attempts += batch.runs.length;
    return attempts;
  }
}
