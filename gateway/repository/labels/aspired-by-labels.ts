import type { LabelTarget } from '../choose-version.js';
import type { LabelState } from './desired-state.js';

/** What a model's labels ask of the registry. */
export interface LabelDemand {
  /** Where each leads now. */
  readonly targets: ReadonlyMap<string, LabelTarget>;
  /** Versions that are to be loaded for their sake, beside those of the policy. */
  readonly versions: ReadonlySet<number>;
}

/** How it stands with the version that a label leads to. */
export type Arrival = 'awaited' | 'reached' | 'held';

/** A model without labels. */
export const NO_DEMAND: LabelDemand = { targets: new Map(), versions: new Set() };

/**
 * What a model's labels ask for: the versions they lead to, the `keepPrevious` before them, so that a rollback needs no
 * load, and, for a label whose version is not `reached` yet, the one that it led to: it serves until then.
 *
 * `arrival` answers how it stands with a label's version: `reached` when it has been available since the label was moved there,
 * `held` when it is there and its signature is not what clients of the label know.
 */
export function aspiredByLabels(
  labels: Readonly<Record<string, LabelState>>,
  keepPrevious: number,
  arrival: (label: string, state: LabelState) => Arrival,
): LabelDemand {
  const targets = new Map<string, LabelTarget>();
  const versions = new Set<number>();
  for (const [label, state] of Object.entries(labels)) {
    const { version, from, previous } = state;
    const stands = arrival(label, state);
    const until = from === undefined || stands === 'reached' ? undefined : from;
    const target = until === undefined ? { version } : { version, until };
    targets.set(label, stands === 'held' && until !== undefined ? { ...target, held: true } : target);
    for (const wanted of [version, ...previous.slice(0, keepPrevious)]) versions.add(wanted);
    if (until !== undefined) versions.add(until);
  }
  return { targets, versions };
}
