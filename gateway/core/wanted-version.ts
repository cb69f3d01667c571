import { GatewayError, quote } from './error.js';
import type { RpcHeaders } from './transport.js';

/** Metadata that names a label, for clients that cannot put it in place of the version. */
const LABEL_KEY = 'sluice-label';

/**
 * What a request asks for in place of a version: its version string, or the label that its metadata names. Throws
 * INVALID_ARGUMENT where it says both and they differ, or where that label looks like a version.
 */
export function wantedVersion(version: string, headers: RpcHeaders): string {
  const label = headers.get(LABEL_KEY);
  if (typeof label !== 'string' || label === '' || label === version) return version;
  if (version === '' && !/^[0-9]/.test(label)) return label;
  const wanted =
    version === '' ? 'a label, which begins with a letter' : `no version beside it, got ${quote(version)}`;
  const message = `the metadata '${LABEL_KEY}' is ${quote(label)}: wanted ${wanted}`;
  throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'model_version' });
}
