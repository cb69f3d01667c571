import { type Command, InvalidArgumentError, Option } from 'commander';
import { usageError } from '../exit-code.js';
import { type SecurityOptions, securityOf, withSecurityOptions } from '../security-options.js';
import type { ScrapeTarget } from './fetch-page.js';

/** Options of every command that reads a server's metrics. */
export interface ScrapeOptions extends SecurityOptions {
  readonly metrics: string;
  /** Seconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

/** The HTTP listener of a server on the same machine, unless told otherwise. */
export const DEFAULT_PLACE = 'localhost:8000';

/** Adds `--metrics`, `--timeout`, `--json` and those of security to a command. */
export function withScrapeOptions(command: Command): Command {
  const own = command
    .addOption(
      new Option(
        '-m, --metrics <place>',
        "the server's metrics: host:port of its HTTP listener or metrics port, or a URL",
      )
        .env('SLUICE_METRICS')
        .default(DEFAULT_PLACE),
    )
    .addOption(
      new Option('--timeout <seconds>', 'deadline of each look')
        .argParser(secondsWithin(0.01, 600))
        .default(5),
    )
    .option('--json', 'print JSON, a line a look; errors too');
  return withSecurityOptions(own);
}

/** Where to look, and how. Throws a usage error for what is no place. */
export async function targetOf(options: ScrapeOptions): Promise<ScrapeTarget> {
  const security = await securityOf(options);
  const secure = security.tls !== false && security.tls !== undefined;
  return {
    url: placeOf(options.metrics, secure),
    timeoutMs: options.timeout * 1000,
    security,
    serverName: options.serverName,
  };
}

/** `host:port`, or a URL; the path is /metrics unless there is another. Throws a usage error. */
export function placeOf(text: string, secure: boolean): URL {
  const whole = text.includes('://') ? text : `${secure ? 'https' : 'http'}://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw usageError(
      `--metrics is '${text.slice(0, 200)}', wanted host:port or a URL of http or https, without a password`,
    );
  if (url.pathname === '/') url.pathname = '/metrics';
  return url;
}

/** Parses an option that is a number of seconds. */
export function secondsWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Wanted a number of seconds from ${min} to ${max}.`);
  };
}
