import type { LabelTarget } from '../choose-version.js';
import type { LabelState } from './desired-state.js';

/** What a model's labels ask of the registry. */
export interface LabelDemand {
  /** Where each leads now. */
  readonly targets: ReadonlyMap<string, LabelTarget>;
  /** Versions that are to be loaded for their sake, beside those of the policy. */
  readonly versions: ReadonlySet<number>;
}

/** A model without labels. */
export const NO_DEMAND: LabelDemand = { targets: new Map(), versions: new Set() };

/**
 * What a model's labels ask for: the versions they lead to, the `keepPrevious` before them, so that a rollback needs no
 * load, and, for a label whose version is not `reached` yet, the one that it led to: it serves until then.
 *
 * `reached` answers whether a label's version has been available since the label was moved there.
 */
export function aspiredByLabels(
  labels: Readonly<Record<string, LabelState>>,
  keepPrevious: number,
  reached: (label: string, version: number) => boolean,
): LabelDemand {
  const targets = new Map<string, LabelTarget>();
  const versions = new Set<number>();
  for (const [label, { version, from, previous }] of Object.entries(labels)) {
    const until = from === undefined || reached(label, version) ? undefined : from;
    targets.set(label, until === undefined ? { version } : { version, until });
    for (const wanted of [version, ...previous.slice(0, keepPrevious)]) versions.add(wanted);
    if (until !== undefined) versions.add(until);
  }
  return { targets, versions };
}
