/** Holds the log of a soak's clients against what a server may do: pure. Times are milliseconds on one monotonic clock. */

/** gRPC's numbers. */
export const CODE = {
  ok: 0,
  cancelled: 1,
  deadlineExceeded: 4,
  failedPrecondition: 9,
  internal: 13,
  unavailable: 14,
} as const;

/** An order may lie so long until a worker takes it. */
const STRIKE_WAITS_MS = 1000;
/** So many strikes within such a time may put a version into quarantine, and keep it there for a while. */
const QUARANTINE = { strikes: 5, withinMs: 60_000, says: /has ended \d+ workers and is not run/ };

/** One call, as its client saw it. */
export interface CallRecord {
  readonly id: number;
  /** Unique in the log; in the row that is sent. */
  readonly nonce: number;
  readonly sentAt: number;
  readonly deadlineMs: number;
  /** The client gave it up before it had ended. */
  readonly cancelled: boolean;
  /** Its input kills the worker that runs it. */
  readonly guilty: boolean;
  /** When it ended; undefined while it has not. */
  readonly endedAt?: number;
  readonly code?: number;
  /** What the server said with it. */
  readonly message?: string;
  /** The nonce of each message that came. */
  readonly answers: readonly number[];
  /** The version that the answer names. */
  readonly version?: string;
}

export interface CheckLimits {
  /** How long after its deadline a call may end. */
  readonly graceMs: number;
  readonly versions: readonly string[];
  /** When workers were struck, once for each. A call that was in two deaths, alone, is as suspect as a guilty one: it may be refused. */
  readonly strikes?: readonly number[];
}

export type FindingKind = 'lost' | 'late' | 'doubled' | 'empty' | 'mixed-up' | 'stale' | 'version' | 'code';

export interface Finding {
  readonly kind: FindingKind;
  readonly id: number;
  readonly text: string;
}

/** Everything that a server may not do and this one did. */
export function check(log: readonly CallRecord[], limits: CheckLimits): Finding[] {
  const byNonce = new Map(log.map((call) => [call.nonce, call]));
  return log.flatMap((call) => {
    const found = faultOf(call, byNonce, limits);
    return found === undefined ? [] : [{ ...found, id: call.id }];
  });
}

function faultOf(
  call: CallRecord,
  byNonce: ReadonlyMap<number, CallRecord>,
  { graceMs, versions, strikes = [] }: CheckLimits,
): Omit<Finding, 'id'> | undefined {
  const { nonce, sentAt, deadlineMs, endedAt, code, answers, version } = call;
  if (answers.length > 1) return { kind: 'doubled', text: `${answers.length} answers on one call` };
  const [answer] = answers;
  // Whoever gave a call up may still get its answer, but never another's.
  if (answer !== undefined && answer !== nonce) return foreign(call, answer, byNonce);
  if (endedAt === undefined || code === undefined)
    return call.cancelled
      ? undefined
      : { kind: 'lost', text: `no end within its ${deadlineMs} ms and the grace` };
  if (endedAt - sentAt > deadlineMs + graceMs && !call.cancelled)
    return {
      kind: 'late',
      text: `ended after ${Math.round(endedAt - sentAt)} ms, its deadline was ${deadlineMs} ms`,
    };
  const met = strikes.filter((at) => at >= sentAt - STRIKE_WAITS_MS && at <= endedAt).length;
  const lately = strikes.filter((at) => at >= sentAt - QUARANTINE.withinMs && at <= endedAt).length;
  const quarantine = lately >= QUARANTINE.strikes && QUARANTINE.says.test(call.message ?? '');
  if (code === CODE.failedPrecondition && quarantine) return undefined;
  if (!mayEndWith(call, code, met >= 2)) return { kind: 'code', text: `ended with ${code}: ${call.message}` };
  if (code !== CODE.ok) return undefined;
  if (answer === undefined) return { kind: 'empty', text: 'OK without an answer' };
  if (!versions.includes(version ?? ''))
    return {
      kind: 'version',
      text: `answered by version ${JSON.stringify(version)}, wanted ${versions.join(' or ')}`,
    };
  return undefined;
}

function foreign(
  call: CallRecord,
  answer: number,
  byNonce: ReadonlyMap<number, CallRecord>,
): Omit<Finding, 'id'> {
  const owner = byNonce.get(answer);
  if (owner === undefined) return { kind: 'mixed-up', text: `got ${answer}, which nobody sent` };
  const text = `got the answer to call ${owner.id}`;
  const over = owner.endedAt !== undefined && owner.endedAt <= call.sentAt;
  return over ? { kind: 'stale', text: `${text}, which had ended before` } : { kind: 'mixed-up', text };
}

/** Codes that a server without a bug can give. */
function mayEndWith({ cancelled, guilty }: CallRecord, code: number, suspect: boolean): boolean {
  switch (code) {
    case CODE.ok:
    case CODE.unavailable:
    case CODE.deadlineExceeded:
      return true;
    case CODE.cancelled:
      return cancelled;
    case CODE.internal:
      return guilty || suspect;
    default:
      return false;
  }
}
