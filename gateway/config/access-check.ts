import { isLoopback } from '../core/loopback.js';
import { type Listener, listenersOf } from './listeners.js';
import type { Config } from './schema.js';

/** The settings at fault, and what is wrong with them. */
type Fault = readonly [paths: readonly string[], message: string];

/** Encryption that was asked for by half, and tokens that a network could read. */
export function accessFaults(config: Config): Fault[] {
  const faults = tlsFaults(config);
  const { auth, tls } = config;
  const bare = barePlaces(config);
  if (auth.tokensFile === undefined || auth.allowPlaintext || tls.certFile !== undefined || bare.length === 0)
    return faults;
  faults.push([
    ['auth.tokensFile', ...bare],
    'tokens would travel unencrypted, where the network can read them: wanted tls.certFile and tls.keyFile, or loopback addresses, or, where something in front encrypts, auth.allowPlaintext (--auth-allow-plaintext)',
  ]);
  return faults;
}

/** Addresses at which others than this machine can ask, where there is no certificate. */
function barePlaces(config: Config): string[] {
  return [...new Set(openListeners(config).map(({ addressFrom }) => addressFrom))];
}

/** Listeners that others than this machine reach. */
function openListeners(config: Config): Listener[] {
  return listenersOf(config).filter(({ address }) => !isLoopback(address));
}

function tlsFaults({ tls }: Config): Fault[] {
  const { certFile, keyFile, clientCaFile, clientCrlFile } = tls;
  const faults: Fault[] = [];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const missing = certFile === undefined ? 'tls.certFile' : 'tls.keyFile';
    faults.push([['tls.certFile', 'tls.keyFile'], `${missing} is missing: wanted both or none`]);
  }
  if (clientCrlFile !== undefined && clientCaFile === undefined)
    faults.push([['tls.clientCrlFile'], 'wanted tls.clientCaFile, too: without it no client is asked']);
  if (certFile !== undefined) {
    if (tls.clientCertRequired && clientCaFile === undefined)
      faults.push([['tls.clientCertRequired'], 'tls.clientCaFile is missing: any client would be let in']);
    return faults;
  }
  if (clientCaFile !== undefined)
    faults.push([
      ['tls.clientCaFile'],
      'wanted tls.certFile and tls.keyFile, too: without TLS no client is asked',
    ]);
  if (tls.required || tls.clientCertRequired)
    faults.push([
      [tls.required ? 'tls.required' : 'tls.clientCertRequired'],
      'tls.certFile is missing: calls would travel unencrypted',
    ]);
  return faults;
}

/** Doors that stand open to a network. */
export function accessWarnings(config: Config): string[] {
  const { grpc, admin, tls, auth } = config;
  const warnings: string[] = [];
  const openAt = [
    ...(admin.enabled && !isLoopback(admin.address) ? ['admin.address'] : []),
    ...(admin.openOnGrpc && grpc.enabled && !isLoopback(grpc.address)
      ? ['grpc.address with admin.openOnGrpc']
      : []),
  ];
  if (openAt.length > 0 && auth.tokensFile === undefined && tls.clientCaFile === undefined)
    warnings.push(
      `whoever reaches this server can change what it serves (${openAt.join(' and ')}): auth.tokensFile or tls.clientCaFile says who may`,
    );
  const overHttp = openListeners(config).some(({ name }) => name === 'http' || name === 'metrics');
  const plainHttp = tls.certFile !== undefined && !tls.http && overHttp;
  if (plainHttp && auth.tokensFile !== undefined)
    warnings.push(
      'tokens for HTTP travel unencrypted (tls.http is false): the network can read them; give scrapers one that may only read',
    );
  return warnings;
}
