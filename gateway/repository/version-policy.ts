import type { VersionPolicy } from '../core/model-configuration.js';

/** Triton's default: only the newest version. */
export const DEFAULT_VERSION_POLICY: VersionPolicy = { latest: 1 };

/** What a policy makes of the versions found. Both lists ascending. */
export interface PolicyDecision {
  readonly aspired: readonly number[];
  /** Versions that the policy names and that were not found. */
  readonly missing: readonly number[];
}

/** Applies a policy to the versions found, given in any order. */
export function applyPolicy(found: readonly number[], policy: VersionPolicy): PolicyDecision {
  const ascending = [...new Set(found)].sort((a, b) => a - b);
  if (policy === 'all') return { aspired: ascending, missing: [] };
  if ('latest' in policy) {
    return { aspired: ascending.slice(Math.max(0, ascending.length - policy.latest)), missing: [] };
  }
  const wanted = [...new Set(policy.specific)].sort((a, b) => a - b);
  const present = new Set(ascending);
  return {
    aspired: wanted.filter((version) => present.has(version)),
    missing: wanted.filter((version) => !present.has(version)),
  };
}

/** The policy in words, for the reason of a version that it leaves out. */
export function describePolicy(policy: VersionPolicy): string {
  if (policy === 'all') return 'all';
  return 'latest' in policy ? `latest ${policy.latest}` : `specific ${policy.specific.join(', ')}`;
}
