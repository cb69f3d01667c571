import type { SecureContextOptions, TlsOptions } from 'node:tls';

/** A server whose certificate can be changed: new connections have the new one, old ones go on. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
}

/** How a listener is encrypted. */
export interface TlsIdentity {
  /** Whom the handshake lets in, and what it speaks. */
  readonly policy: Pick<TlsOptions, 'requestCert' | 'rejectUnauthorized' | 'minVersion'>;
  /** Gives the server the certificate that there is, and every one that follows. */
  keep(server: SecureServer): void;
}
