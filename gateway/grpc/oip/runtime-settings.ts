import { GatewayError, quote } from '../../core/error.js';
import type { Logger } from '../../core/logger.js';

/** What calls that change settings of the running server need to know. */
export interface RuntimeSettings {
  /** Whether they may; reading is always allowed. */
  readonly allowed: boolean;
  /** Told of each change; one of the logs before it is made, since no lines may be written after. */
  readonly logger: Logger;
}

/** Throws PERMISSION_DENIED where calls may change nothing. */
export function checkMayChange({ allowed }: RuntimeSettings, what: string): void {
  if (allowed) return;
  throw new GatewayError(
    'PERMISSION_DENIED',
    `${what} cannot be changed by a call: start the server with --allow-runtime-settings (server.allowRuntimeSettings) to allow it, or leave out "settings" to read them`,
    { reason: 'bad_request', field: 'settings' },
  );
}

/** A setting that was not understood: INVALID_ARGUMENT. */
export function badSetting(key: string, message: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, {
    reason: 'bad_request',
    field: `settings[${quote(key, 40)}]`,
  });
}

/** A setting that Triton has and this server cannot change: UNIMPLEMENTED, by name. */
export function fixedSetting(key: string, message: string): GatewayError {
  return new GatewayError('UNIMPLEMENTED', message, { reason: 'bad_request', field: `settings[${key}]` });
}

export function unknownSetting(key: string, known: readonly string[]): GatewayError {
  return badSetting(key, `unknown setting ${quote(key)}: wanted one of ${known.join(', ')}`);
}
