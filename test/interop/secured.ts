import type { TestContext } from 'node:test';
import { makeAuthority, makeFolder } from '../support/certificates.js';
import { tokenLine } from '../support/tokens.js';

/** Flags of a server with mutual TLS and tokens, and the folder with what a client needs: authority.pem, client.pem, client-key.pem, token. */
export function secureFiles(t: TestContext): {
  args: string[];
  path: (name: string) => string;
  token: string;
} {
  const { path, write } = makeFolder(t);
  const authority = makeAuthority('interop authority');
  const server = authority.issue('server');
  const client = authority.issue('client');
  const token = 'interop-token';
  write('client.pem', client.cert);
  write('client-key.pem', client.key);
  write('token', token);
  const flags = {
    '--tls-cert-file': write('server.pem', server.cert),
    '--tls-key-file': write('server-key.pem', server.key),
    '--tls-client-ca-file': write('authority.pem', authority.cert),
    '--auth-tokens-file': write('tokens', tokenLine('interop', 'infer', token)),
  };
  return { args: Object.entries(flags).flat(), path, token };
}
