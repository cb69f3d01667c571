import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { ClientOptions } from '../client/options.js';
import { usageError } from './exit-code.js';

/** How a command shows who it is, and knows whom it speaks to. */
export interface SecurityOptions {
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly tokenFile?: string;
}

const TOKEN_VARIABLE = 'SLUICE_TOKEN';

/** Adds `--tls`, `--ca`, `--cert`, `--key`, `--server-name` and `--token-file` to a command. */
export function withSecurityOptions(command: Command): Command {
  const add = (flags: string, variable: string, text: string): void =>
    void command.addOption(new Option(flags, text).env(variable));
  add('--tls', 'SLUICE_TLS', 'encrypt, and check the server against the authorities of this system');
  add('--ca <file>', 'SLUICE_CA', 'check it against these authorities instead (PEM); implies --tls');
  add('--cert <file>', 'SLUICE_CERT', 'certificate to show the server (PEM); implies --tls');
  add('--key <file>', 'SLUICE_KEY', 'its private key (PEM)');
  add('--server-name <name>', 'SLUICE_SERVER_NAME', "name in its certificate, where it is not the address's");
  // No --token: whoever lists the processes of a machine reads their arguments.
  add(
    '--token-file <file>',
    'SLUICE_TOKEN_FILE',
    `file that holds a token (or the token in ${TOKEN_VARIABLE})`,
  );
  return command;
}

/** The part of a client's options that these make. Throws a usage error where a file cannot be read. */
export async function securityOf(
  options: SecurityOptions,
): Promise<Pick<ClientOptions, 'tls' | 'token' | 'channelOptions'>> {
  const { ca, cert, key, serverName, tokenFile } = options;
  if ((cert === undefined) !== (key === undefined)) throw usageError('Wanted --cert and --key, or neither');
  const files = {
    ca: ca === undefined ? undefined : await read('--ca', ca),
    cert: cert === undefined ? undefined : await read('--cert', cert),
    key: key === undefined ? undefined : await read('--key', key),
  };
  const given = ca !== undefined || cert !== undefined;
  // The gRPC library names a server by its IP address, where that is all there is, and Node says that it will ignore it.
  if (given || options.tls === true) process.noDeprecation = true;
  const token =
    tokenFile === undefined
      ? process.env[TOKEN_VARIABLE]
      : (await read('--token-file', tokenFile)).toString('utf8');
  return {
    tls: given ? files : options.tls === true,
    token: token?.trim() || undefined,
    channelOptions: serverName === undefined ? undefined : { 'grpc.ssl_target_name_override': serverName },
  };
}

async function read(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw usageError(`Cannot read the file of ${option}, ${path}: ${code}`);
  }
}
