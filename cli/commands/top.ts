import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext, Finish } from '../command-context.js';
import { type ExitCode, usageError } from '../exit-code.js';
import { helpFooter } from '../help.js';
import type { Io } from '../io.js';
import { fetchPage } from '../scrape/fetch-page.js';
import { type ScrapeOptions, secondsWithin, targetOf, withScrapeOptions } from '../scrape/options.js';
import { jsonScreen, plainScreen, type Screen, terminalScreen } from '../top/screens.js';
import { watch } from '../top/watch.js';

interface TopOptions extends ScrapeOptions {
  /** Seconds. */
  readonly interval: number;
  readonly once?: boolean;
  readonly count?: number;
}

const MAX_COUNT = 1_000_000;
/** What ends it on a terminal: q, Ctrl-C, Ctrl-D, Escape. */
const LEAVING = new Set(['q', 'Q', '\x03', '\x04', '\x1b']);

/** `sluice top`: a live view of a server. */
export function addTopCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('top')
    .summary('watch a server: models, workers, rates, percentiles, refusals')
    .description(
      'Shows what a server does, drawn anew at intervals: rates, percentiles and refusals are of the time since the look before. It goes on while the server is away. q or Ctrl-C ends it.',
    )
    .addOption(
      new Option('-i, --interval <seconds>', 'between two looks')
        .argParser(secondsWithin(0.1, 3600))
        .default(2),
    )
    .option('--once', 'one view, of the next interval; exits 69 where nobody answers')
    .addOption(new Option('--count <n>', 'so many views').argParser(countOf));
  withScrapeOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice top', 'the server on this machine'],
        ['sluice top --metrics 10.0.0.7:8000 --interval 5', 'another one, every five seconds'],
        [`sluice top --once --json | jq '.versions[] | {model, version, p99Ms}'`, 'for a script'],
      ]),
    )
    .action(async (options: TopOptions) => finish(await top(options, io)));
}

async function top(options: TopOptions, io: Io): Promise<ExitCode> {
  if (options.once && options.count !== undefined) throw usageError('Wanted --once or --count, not both');
  const target = await targetOf(options);
  const count = options.once ? 1 : options.count;
  const stop = new AbortController();
  const end = (): void => stop.abort();
  const place = target.url.host;
  const live = io.terminal !== undefined && !options.json && count === undefined;
  const screen: Screen = options.json
    ? jsonScreen(io)
    : live && io.terminal !== undefined
      ? terminalScreen(io, io.terminal, place)
      : plainScreen(io, place);
  const offs = [
    io.onInterrupt?.(end),
    live ? io.terminal?.onKey((key) => LEAVING.has(key) && end()) : undefined,
  ];
  try {
    return await watch({
      look: (signal) => fetchPage(target, signal),
      ...{ screen, count, stop: stop.signal, intervalMs: options.interval * 1000 },
      ...{ now: () => performance.now(), wallMs: () => Date.now() },
      sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
    });
  } finally {
    for (const off of offs) off?.();
    screen.close();
  }
}

function countOf(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_COUNT) return value;
  throw new InvalidArgumentError(`Wanted a whole number from 1 to ${MAX_COUNT}.`);
}
