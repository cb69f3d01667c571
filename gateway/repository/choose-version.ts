/** What a request asks for. Of a version and a label at most one is given; neither lets the server choose. */
export interface Want {
  readonly version?: number | undefined;
  readonly label?: string | undefined;
}

/** Where a label leads. */
export interface LabelTarget {
  readonly version: number;
  /** What serves while the label still waits for its version; undefined once that has been there. */
  readonly until?: number | undefined;
  /** Whether it waits though its version is there: clients know another signature. @default false */
  readonly held?: boolean;
}

/** The version that answers, or why none does. */
export type Choice =
  | { readonly kind: 'version'; readonly version: number }
  /** No such label is set. */
  | { readonly kind: 'no_label'; readonly label: string }
  /** The label waits for this version, and nothing serves in its place. */
  | { readonly kind: 'waiting'; readonly label: string; readonly version: number }
  | { readonly kind: 'none' };

/** The label that a request without version and label gets, where it is set. */
export const DEFAULT_LABEL = 'stable';

/**
 * Which version answers a request: the one it names, the one its label leads to, or else the default label's, or else the
 * largest of `choosable`, the available ones that may answer so. Every protocol asks this one function. A version that is named
 * is not looked for.
 */
export function chooseVersion(
  want: Want,
  labels: ReadonlyMap<string, LabelTarget>,
  available: readonly number[],
  choosable: readonly number[] = available,
): Choice {
  if (want.version !== undefined) return { kind: 'version', version: want.version };
  const label = want.label ?? DEFAULT_LABEL;
  const target = labels.get(label);
  if (target !== undefined) {
    if (target.held !== true && available.includes(target.version))
      return { kind: 'version', version: target.version };
    if (target.until !== undefined && available.includes(target.until))
      return { kind: 'version', version: target.until };
    return { kind: 'waiting', label, version: target.version };
  }
  if (want.label !== undefined) return { kind: 'no_label', label };
  let newest: number | undefined;
  for (const version of choosable) if (newest === undefined || version > newest) newest = version;
  return newest === undefined ? { kind: 'none' } : { kind: 'version', version: newest };
}
