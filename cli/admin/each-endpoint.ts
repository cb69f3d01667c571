import { hostname, userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AdminClient, type ChangeNote, DEFAULT_ADMIN_ADDRESS } from '../../client/admin.js';
import { SluiceClientError } from '../../client/client.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { type Io, printable } from '../io.js';
import { type SecurityOptions, securityOf, withSecurityOptions } from '../security-options.js';
import { endpointsOf } from './endpoints.js';

/** Options of every command that speaks to admin listeners. */
export interface AdminOptions extends SecurityOptions {
  readonly endpoint: string;
  /** Seconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

/** Options of those that change something. */
export interface NoteOptions {
  readonly who?: string;
  readonly why?: string;
}

/** What one server answered. */
export type Outcome<T> =
  | { readonly endpoint: string; readonly result: T }
  | { readonly endpoint: string; readonly error: SluiceClientError };

/** Adds `--endpoint`, `--timeout`, `--json` and those of security to a command. */
export function withAdminOptions(command: Command): Command {
  const own = command
    .addOption(
      new Option(
        '-e, --endpoint <list>',
        'admin listeners: host:port or unix:/path, separated by commas; dns:///host:port for all addresses of a name',
      )
        .env('SLUICE_ENDPOINT')
        .default(DEFAULT_ADMIN_ADDRESS),
    )
    .addOption(new Option('--timeout <seconds>', 'deadline of each call').argParser(seconds).default(10))
    .option('--json', 'print JSON, one line; errors too, on standard error');
  return withSecurityOptions(own);
}

/** Adds what is noted of a change. */
export function withNoteOptions(command: Command): Command {
  return withAdminOptions(command)
    .option('--why <text>', 'why, for the history')
    .option('--who <text>', 'who, for the history (default: user@host)');
}

export function noteOf({ who, why }: NoteOptions): ChangeNote {
  return { who: who ?? `${userName()}@${hostname()}`, why };
}

/** A container runs as a number that no list of users has. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? ''}`.trim();
  }
}

/** Asks every server, one after the other, so that a change that the first refuses for good reasons is seen before the last. */
export async function onEach<T>(
  options: AdminOptions,
  ask: (client: AdminClient) => Promise<T>,
): Promise<readonly Outcome<T>[]> {
  const outcomes: Outcome<T>[] = [];
  const security = await securityOf(options);
  for (const endpoint of await endpointsOf(options.endpoint)) {
    const client = new AdminClient({ ...security, address: endpoint, deadlineMs: options.timeout * 1000 });
    try {
      outcomes.push({ endpoint, result: await ask(client) });
    } catch (error) {
      if (!(error instanceof SluiceClientError)) throw error;
      outcomes.push({ endpoint, error });
    } finally {
      client.close();
    }
  }
  return outcomes;
}

/**
 * 0 where all answered and agree in what `same` tells of their results; 69 where none could be reached, else 1. One server alone that
 * refuses throws its error, which is then told as every command tells it.
 */
export function exitCodeOf<T>(outcomes: readonly Outcome<T>[], same: (result: T) => unknown): ExitCode {
  const [first] = outcomes;
  if (outcomes.length === 1 && first !== undefined && 'error' in first) throw first.error;
  if (outcomes.every((outcome) => 'error' in outcome && outcome.error.unreachable)) return EXIT.unreachable;
  const told = new Set(outcomes.map((one) => ('error' in one ? one : JSON.stringify(same(one.result)))));
  return told.size === 1 ? EXIT.ok : EXIT.failed;
}

/** Prints what every server answered: one line of JSON, or `line` of each with its result in words. */
export function tellOutcomes<T>(
  outcomes: readonly Outcome<T>[],
  { json }: Pick<AdminOptions, 'json'>,
  io: Io,
  inWords: (result: T) => string,
  line: (endpoint: string, said: string) => string,
): void {
  if (json) io.out(`${JSON.stringify(outcomes.map(outcomeJson))}\n`);
  for (const outcome of json ? [] : outcomes) {
    // What a server says of an error is not trusted with the terminal.
    const said =
      'error' in outcome
        ? printable(`${outcome.error.code}: ${outcome.error.message}\n`)
        : inWords(outcome.result);
    io.out(line(outcome.endpoint, said));
  }
}

function outcomeJson<T>(outcome: Outcome<T>): object {
  const { endpoint } = outcome;
  return 'error' in outcome ? { endpoint, error: outcome.error.toJSON() } : { endpoint, ...outcome.result };
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Wanted a number of seconds above 0, e.g. 2.5.');
}
