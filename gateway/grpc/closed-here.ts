import { GatewayError } from '../core/error.js';
import type { Logger } from '../core/logger.js';

/** Refuses a call that changes the server on a listener where those are closed, says where it is served, and leaves a line in the log. */
export function refuseClosed(logger: Pick<Logger, 'warn'>, what: string, fields: object): never {
  logger.warn(fields, 'A call that changes the server was refused: it is closed on this port');
  const message = `${what} changes the server, and is served on the admin listener only (--admin-address, --admin-port); --allow-admin-on-grpc opens it here`;
  throw new GatewayError('PERMISSION_DENIED', message, { reason: 'bad_request' });
}
