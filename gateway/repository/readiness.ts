import type { VersionStatus } from '../core/catalog.js';

/** Phases of the server (docs/ARCHITECTURE.md, state machines). */
export type ServerPhase = 'starting' | 'serving' | 'draining' | 'stopped';

export interface ReadinessFacts {
  readonly phase: ServerPhase;
  /** Whether every model found at start has become available or failed once. Stays true from then on. */
  readonly settledOnce: boolean;
  /** Models without which the server is of no use. */
  readonly required: readonly string[];
  /** `--strict-readiness`: every model that should be served is required. */
  readonly strict: boolean;
  readonly versions: readonly VersionStatus[];
  /** Whether a worker can run a model that is available. */
  readonly served: (model: string) => boolean;
  /** Workers in rotation. */
  readonly workers: number;
}

/** The answer, and for people the reason when it is no (`''` otherwise). */
export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
}

/**
 * Whether the server should be sent requests. What a model needs is one version that can be called, so a bad new
 * version, or one broken model that nobody requires, never makes a server unready; neither does loading. One that is required and
 * that no worker can run does.
 */
export function serverReadiness(facts: ReadinessFacts): Readiness {
  if (facts.phase !== 'serving') return { ready: false, reason: `the server is ${facts.phase}` };
  if (!facts.settledOnce) return { ready: false, reason: 'models found at start are still loading' };
  if (facts.workers === 0) return { ready: false, reason: 'no worker is in rotation' };
  const available = new Set<string>();
  const aspired = new Set<string>();
  for (const { model, state } of facts.versions) {
    if (state === 'available') available.add(model);
    if (state !== 'discovered' && state !== 'unloaded' && state !== 'draining') aspired.add(model);
  }
  const needed = facts.strict ? new Set([...facts.required, ...aspired]) : new Set(facts.required);
  const absent = [...needed].filter((model) => !available.has(model) || !facts.served(model));
  if (absent.length === 0) return { ready: true, reason: '' };
  const shown = absent.slice(0, 5).join(', ') + (absent.length > 5 ? `, … (${absent.length} in all)` : '');
  return { ready: false, reason: `required but not available: ${shown}` };
}
