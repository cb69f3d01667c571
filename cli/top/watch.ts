import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import type { Page } from '../scrape/page.js';
import { type Frame, Frames, type Look } from './frame.js';
import type { Screen } from './screens.js';

export interface WatchOptions {
  /** Looks once. Rejects with a CliError where the server does not answer with metrics. */
  readonly look: (signal: AbortSignal) => Promise<Page>;
  readonly screen: Screen;
  readonly intervalMs: number;
  /** How many frames; undefined: until `stop`. */
  readonly count: number | undefined;
  /** Aborted when it is time to end. */
  readonly stop: AbortSignal;
  /** Milliseconds, on a clock that never goes back, and since 1970. */
  readonly now: () => number;
  readonly wallMs: () => number;
  /** Resolves after so long, or when aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Looks for frames with rates before one without will do: a server that is started anew again and again has none. */
const MAX_WITHOUT_RATES = 3;

/**
 * Looks at a server at intervals and shows what it sees, whether the server answers or not; it may go away and come back. Answers 0,
 * or, where a number of frames was asked for and the last one was of a server that does not answer, the code for that.
 */
export async function watch(options: WatchOptions): Promise<ExitCode> {
  const { screen, count, stop, now, wallMs, sleep, intervalMs } = options;
  const frames = new Frames();
  let left = count ?? Number.POSITIVE_INFINITY;
  let withoutRates = 0;
  let code: ExitCode = EXIT.ok;
  while (!stop.aborted) {
    const begun = now();
    const { look, exitCode } = await lookOnce(options);
    if (look === undefined) break;
    const frame = frames.next(look, now(), wallMs());
    const whole = isWhole(frame) || ++withoutRates >= MAX_WITHOUT_RATES;
    if (whole || screen.eager) screen.show(frame);
    if (whole) {
      left--;
      withoutRates = 0;
      code = exitCode;
    }
    if (left <= 0) return code;
    await sleep(Math.max(0, intervalMs - (now() - begun)), stop);
  }
  return EXIT.ok;
}

/** Whether there is something to say: rates, or that nobody answers. */
function isWhole({ view, problem }: Frame): boolean {
  return problem !== undefined || view?.seconds !== undefined;
}

async function lookOnce({
  look,
  stop,
}: WatchOptions): Promise<{ readonly look: Look | undefined; readonly exitCode: ExitCode }> {
  try {
    return { look: { page: await look(stop) }, exitCode: EXIT.ok };
  } catch (error) {
    if (stop.aborted) return { look: undefined, exitCode: EXIT.ok };
    if (!(error instanceof CliError)) throw error;
    const { message, code, exitCode } = error;
    return { look: { message, code }, exitCode };
  }
}
