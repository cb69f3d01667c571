import type { Guard, Knock } from '../core/access.js';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Audit } from './audit.js';
import { authorize } from './authorize.js';
import { KeptFiles } from './kept-files.js';
import { TokenTable } from './token-table.js';
import { parseTokens } from './tokens-file.js';

/** One of each, whatever was asked for: who may not ask learns nothing of what there is. */
const UNAUTHENTICATED = new GatewayError(
  'UNAUTHENTICATED',
  'a valid token is wanted: authorization: Bearer <token>',
  { reason: 'unauthenticated' },
);
const DENIED = new GatewayError('PERMISSION_DENIED', 'the token has no role that allows this call', {
  reason: 'denied',
});

export interface TokenGuardOptions {
  readonly tokensFile: string;
  readonly reloadMs: number;
  readonly audit: Pick<Audit, 'refused'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Lets in who has a token of the file, to what the token's roles allow. */
export class TokenGuard implements Guard {
  readonly #files: KeptFiles<TokenTable>;
  readonly #audit: Pick<Audit, 'refused'>;
  /** Nobody, until the file was read. */
  #tokens = new TokenTable();

  constructor({ tokensFile, reloadMs, audit, clock, logger }: TokenGuardOptions) {
    this.#audit = audit;
    this.#files = new KeptFiles({
      what: 'the file of tokens',
      field: 'auth.tokensFile',
      paths: [tokensFile],
      read: ([bytes]) => parseTokens((bytes as Buffer).toString('utf8')),
      use: (tokens) => {
        this.#tokens = tokens;
      },
      everyMs: reloadMs,
      clock,
      logger,
    });
  }

  /** Rejects with FAILED_PRECONDITION where the file cannot be used. */
  start(): Promise<void> {
    return this.#files.start();
  }

  stop(): void {
    this.#files.stop();
  }

  nameOf(authorization: string | undefined): string | undefined {
    return this.#tokens.identify(authorization)?.name;
  }

  check({ kind, authorization, path, peer }: Knock): GatewayError | undefined {
    const identity = this.#tokens.identify(authorization);
    const decision = authorize(kind, identity);
    if (decision === 'allow') return undefined;
    if (kind === 'changes') this.#audit.refused({ token: identity?.name, path, peer });
    return decision === 'denied' ? DENIED : UNAUTHENTICATED;
  }
}
