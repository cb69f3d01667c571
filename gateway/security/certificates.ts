import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { type Clock, wallClockMs } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { SecureServer, TlsIdentity } from '../core/tls.js';
import { KeptFiles } from './kept-files.js';

export interface CertificatesOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients must show a certificate that one of these has signed. @default any client is let in */
  readonly clientCaFile: string | undefined;
  /** Certificates that these revoke are not let in. @default none is revoked */
  readonly clientCrlFile?: string | undefined;
  readonly reloadMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Contents = Pick<SecureContextOptions, 'cert' | 'key' | 'ca' | 'crl'>;

/**
 * The server's certificate and key, and the authorities of its clients, read anew when their files change. A pair that does not
 * belong together is never taken.
 */
export class Certificates implements TlsIdentity {
  readonly policy: TlsIdentity['policy'];
  readonly #logger: Logger;
  readonly #files: KeptFiles<Contents>;
  readonly #servers: SecureServer[] = [];
  #contents: Contents | undefined;

  constructor({
    certFile,
    keyFile,
    clientCaFile,
    clientCrlFile,
    reloadMs,
    clock,
    logger,
  }: CertificatesOptions) {
    const mutual = clientCaFile !== undefined;
    this.policy = { minVersion: 'TLSv1.2', requestCert: mutual, rejectUnauthorized: mutual };
    this.#logger = logger;
    this.#files = new KeptFiles({
      what: 'the certificate',
      field: 'tls.certFile',
      paths: [
        certFile,
        keyFile,
        ...(mutual ? [clientCaFile] : []),
        ...(mutual && clientCrlFile !== undefined ? [clientCrlFile] : []),
      ],
      read: (contents) => this.#read(contents),
      use: (contents) => this.#use(contents),
      everyMs: reloadMs,
      clock,
      logger,
    });
  }

  /** Rejects with FAILED_PRECONDITION where the files cannot be used. */
  start(): Promise<void> {
    return this.#files.start();
  }

  stop(): void {
    this.#files.stop();
  }

  keep(server: SecureServer): void {
    this.#servers.push(server);
    if (this.#contents !== undefined) server.setSecureContext({ ...this.policy, ...this.#contents });
  }

  #read([cert, key, ca, crl]: readonly Buffer[]): Contents {
    const contents = {
      cert,
      key,
      ...(ca !== undefined && { ca }),
      ...(crl !== undefined && { crl }),
    } as Contents;
    try {
      createSecureContext({ ...this.policy, ...contents });
    } catch (thrown) {
      throw new Error(faultOf(thrown as NodeJS.ErrnoException));
    }
    if (ca !== undefined && !hasCertificate(ca))
      throw new Error("there is no certificate in the clients' file");
    const { subject, validTo } = new X509Certificate(cert as Buffer);
    const expired = Date.parse(validTo) < wallClockMs();
    // A mistake, most likely: what is in use can only be better.
    if (expired && this.#contents !== undefined) throw new Error(`the certificate has expired (${validTo})`);
    const fields = { subject: subject.replaceAll('\n', ', '), validTo };
    if (expired) this.#logger.warn(fields, 'the certificate has expired: clients will refuse it');
    else this.#logger.info(fields, 'the certificate that new connections are shown');
    return contents;
  }

  #use(contents: Contents): void {
    this.#contents = contents;
    for (const server of this.#servers) server.setSecureContext({ ...this.policy, ...contents });
  }
}

function hasCertificate(pem: Buffer): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** OpenSSL's words, by its codes: they never hold anything of the files. */
function faultOf({ code = 'unknown error' }: NodeJS.ErrnoException): string {
  if (code.endsWith('KEY_VALUES_MISMATCH') || code.endsWith('KEY_TYPE_MISMATCH'))
    return 'the key is not that of the certificate';
  if (code.endsWith('NO_START_LINE')) return 'a certificate or key is missing: wanted PEM files';
  return `they are no certificates, lists of revoked ones and key in PEM without a passphrase (${code})`;
}
