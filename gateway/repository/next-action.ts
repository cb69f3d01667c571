import type { VersionState } from '../core/catalog.js';
import type { FileFacts } from './found.js';
import { sameFile } from './found.js';

/** A version that should be served, and its file as it is now. */
export interface AspiredVersion extends FileFacts {
  readonly version: number;
}

/** A version as it is. */
export interface ActualVersion {
  readonly version: number;
  readonly state: VersionState;
  /** The file that the last attempt to load was made with; undefined when there was none. */
  readonly tried?: FileFacts | undefined;
  /** Whether the workers are already letting it go: beyond that a draining version cannot come back. */
  readonly unloading: boolean;
  /** Whether a failed one is to be tried again although its file is the same: set by a back-off. */
  readonly retryDue: boolean;
  /** Whether its new files are being loaded while the former copy serves. @default false */
  readonly replacing?: boolean;
}

/**
 * One step towards the aspired set. `load` of a version that is available loads its new files beside the former copy;
 * `restore` takes back a drain that has not let go yet.
 */
export type Action =
  | { readonly kind: 'load'; readonly version: number }
  | { readonly kind: 'restore'; readonly version: number }
  | { readonly kind: 'unload'; readonly version: number };

/**
 * The next step of one model towards its aspired versions, or undefined when there is nothing to do now (it is there,
 * or a step is under way). Availability preserving, after TensorFlow Serving's policy of that name: versions are
 * loaded one at a time, the newest first, and one that is no longer wanted goes only when every wanted one has
 * become available or failed and at least one can serve. A model of which nothing is wanted is unloaded whole.
 * `kept` versions stay loaded though they are not wanted: a step back needs no load then.
 */
export function nextAction(
  aspired: readonly AspiredVersion[],
  actual: readonly ActualVersion[],
  kept: ReadonlySet<number> = new Set(),
): Action | undefined {
  const actualOf = new Map(actual.map((entry) => [entry.version, entry]));
  const wanted = new Set(aspired.map(({ version }) => version));

  for (const { version } of aspired) {
    const entry = actualOf.get(version);
    if (entry?.state === 'draining' && !entry.unloading) return { kind: 'restore', version };
  }
  const underWay = actual.some(
    ({ state, replacing }) => state === 'loading' || state === 'warming' || replacing === true,
  );
  const newestFirst = [...aspired].sort((a, b) => b.version - a.version);
  const toLoad = newestFirst.find((version) => wantsLoad(version, actualOf.get(version.version)));
  if (toLoad !== undefined) return underWay ? undefined : { kind: 'load', version: toLoad.version };

  const settled = aspired.every(({ version }) => {
    const state = actualOf.get(version)?.state;
    return state === 'available' || state === 'failed';
  });
  const served = aspired.some(({ version }) => actualOf.get(version)?.state === 'available');
  if (aspired.length > 0 && !(settled && served)) return undefined;
  const leaving = actual
    .filter(({ version, state }) => !wanted.has(version) && (state === 'available' || state === 'failed'))
    .filter(
      ({ version, state, replacing }) => replacing !== true && !(state === 'available' && kept.has(version)),
    )
    .sort((a, b) => a.version - b.version)[0];
  return leaving && { kind: 'unload', version: leaving.version };
}

function wantsLoad(aspired: AspiredVersion, actual: ActualVersion | undefined): boolean {
  if (actual === undefined || actual.state === 'discovered' || actual.state === 'unloaded') return true;
  if (actual.state !== 'failed' && actual.state !== 'available') return false;
  return actual.retryDue || actual.tried === undefined || !sameFile(aspired, actual.tried);
}
