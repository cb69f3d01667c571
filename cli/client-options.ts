import { type Command, InvalidArgumentError, Option } from 'commander';
import { createClient, DEFAULT_ADDRESS, type SluiceClient } from '../client/client.js';
import { type SecurityOptions, securityOf, withSecurityOptions } from './security-options.js';

/** Options of every command that calls a server. */
export interface ServerOptions extends SecurityOptions {
  readonly address: string;
  /** Seconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

const DEFAULT_TIMEOUT_S = 10;

/** Adds `--address`, `--timeout`, `--json` and those of security to a command. */
export function withServerOptions(command: Command): Command {
  const own = command
    .addOption(
      new Option('-a, --address <host:port>', 'gRPC address of the server')
        .env('SLUICE_ADDRESS')
        .default(DEFAULT_ADDRESS),
    )
    .addOption(
      new Option('--timeout <seconds>', 'deadline of each call; the server is told of it')
        .argParser(seconds)
        .default(DEFAULT_TIMEOUT_S),
    )
    .option('--json', 'print JSON, one line; errors too, on standard error');
  return withSecurityOptions(own);
}

/** Runs `use` with a client that is closed afterwards. */
export async function withClient<T>(
  options: ServerOptions,
  use: (client: SluiceClient) => Promise<T>,
): Promise<T> {
  const { address, timeout } = options;
  const client = createClient({ ...(await securityOf(options)), address, deadlineMs: timeout * 1000 });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Wanted a number of seconds above 0, e.g. 2.5.');
}
