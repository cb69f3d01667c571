/** How a server process ended. */
export interface ServerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it was asked to stop: then however it ends is its end. */
  readonly stopAsked: boolean;
  /** Whether it, or one before it, ever listened: what cannot even start will not the next time. */
  readonly listened: boolean;
  /** How long its models had been served, in milliseconds; 0 when it never came so far. */
  readonly servedMs: number;
}

/** What follows: it is started again after a while, or its code is passed on, or that is no use any more. */
export type Decision =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'give-up' };

/** More crashes than this in `WINDOW_MS` are a loop. */
export const MAX_RESTARTS = 5;
/** Milliseconds of service, not of time: a server that dies while its models load gets no nearer to a fresh start. */
export const WINDOW_MS = 60_000;
/** The first restart is at once: most crashes are the only one, and clients wait. */
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5000;

/** What native code and the kernel end a process with. SIGKILL: the OOM killer, or the server itself when its workers are wedged. */
const CRASH_SIGNALS: ReadonlySet<string> = new Set([
  'SIGSEGV',
  'SIGABRT',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGTRAP',
  'SIGSYS',
  'SIGKILL',
]);
/** Codes that somebody meant: a drain, a wrong command line, a wrong configuration, a second SIGHUP, SIGINT or SIGTERM. */
const MEANT: ReadonlySet<number> = new Set([0, 2, 78, 129, 130, 143]);
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
  SIGSYS: 31,
};

/** Decides what follows the end of a server process; remembers the crashes before. */
export class RestartPolicy {
  /** Milliseconds of service so far, of all processes together. */
  #servedMs = 0;
  /** What that was at each crash. */
  #crashes: number[] = [];

  decide(end: ServerEnd): Decision {
    this.#servedMs += end.servedMs;
    if (end.stopAsked || !isCrash(end)) return { kind: 'exit', code: exitCodeOf(end) };
    this.#crashes = this.#crashes.filter((at) => at > this.#servedMs - WINDOW_MS);
    this.#crashes.push(this.#servedMs);
    const before = this.#crashes.length - 1;
    if (before >= MAX_RESTARTS) return { kind: 'give-up' };
    return {
      kind: 'restart',
      delayMs: before === 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** before, MAX_DELAY_MS),
    };
  }
}

/** A crash of native code, a kill, or an end that nobody meant of a server that was up. */
function isCrash({ code, signal, listened }: ServerEnd): boolean {
  if (signal !== null) return CRASH_SIGNALS.has(signal);
  return listened && !MEANT.has(code ?? 0);
}

/** What a shell would say: the code, or 128 + the number of the signal. */
export function exitCodeOf({ code, signal }: Pick<ServerEnd, 'code' | 'signal'>): number {
  return code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0);
}
