import type { VersionState } from '../core/catalog.js';
import { GatewayError } from '../core/error.js';

/**
 * The life of a model version. `loading` is its preparation, `warming` its loading on the workers;
 * `draining -> available` is a version that became wanted again before it was let go.
 */
const LEGAL: Readonly<Record<VersionState, readonly VersionState[]>> = {
  discovered: ['loading'],
  loading: ['warming', 'failed', 'unloaded'],
  warming: ['available', 'failed', 'unloaded'],
  available: ['draining'],
  draining: ['unloaded', 'available'],
  unloaded: ['loading'],
  failed: ['loading', 'unloaded'],
};

/** The state after a step from one to another; throws INTERNAL when the step is not a legal one: a bug of ours. */
export function transition(from: VersionState, to: VersionState): VersionState {
  if (!LEGAL[from].includes(to)) {
    throw new GatewayError('INTERNAL', `a model version cannot go from ${from} to ${to}`, {
      reason: 'internal',
    });
  }
  return to;
}
