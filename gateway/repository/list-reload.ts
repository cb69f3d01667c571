import type { Cancellation } from '../core/cancellation.js';
import { GatewayError } from '../core/error.js';
import type { VersionPolicy } from '../core/model-configuration.js';
import { listError, type ModelList, type ModelListControl } from '../core/tfs/model-list.js';
import { bare } from '../core/tfs/model-spec.js';
import { Turns } from '../core/turns.js';
import type { LoadOutcome } from './explicit-control.js';
import type { Found } from './found.js';
import type { WantedLabels } from './labels/relabel.js';
import { besides, type PlannedVersions, planReload } from './plan-reload.js';

const NOTHING: PlannedVersions = new Map();

/** Reloads that wait for their turn, beside the one that is under way. */
const MAX_WAITING = 10;

export interface ListReloadOptions {
  /** Throws where a list by call is not taken at all, or names a directory that it may not. */
  readonly admit: (list: ModelList) => Promise<void>;
  /** Looks at what a list points to. */
  readonly look: (list: ModelList) => Promise<Found>;
  /** What is aspired now, and by which list; undefined: by repositories. */
  readonly served: () => { readonly found: Found; readonly list: ModelList | undefined };
  /** Has these versions loaded beside what is aspired; they answer calls that name them only. What was on the stage before is not. */
  readonly stage: (versions: PlannedVersions) => void;
  readonly aspire: (found: Found) => void;
  /** From here on a look at the disk changes nothing, until `follow` says what is to be looked at. */
  readonly hold: () => void;
  readonly follow: (list: ModelList | undefined) => void;
  /** Tries failed versions of a model again, and waits until nothing of it is under way. */
  readonly outcome: (model: string) => Promise<readonly LoadOutcome[]>;
  /** Makes the labels of models as they are to be, all of them or none. */
  readonly relabel: (wanted: readonly WantedLabels[]) => Promise<void>;
  /** What the operator's settings say of a model. */
  readonly policyOf: (model: string) => VersionPolicy | undefined;
}

/**
 * Replaces the list of models by call. All that is new is loaded first, beside what is served; only when all of it can be called do
 * labels and list change, together. Whatever fails before that leaves everything as it was.
 */
export class ListReload implements ModelListControl {
  readonly #options: ListReloadOptions;
  readonly #turns = new Turns();
  #waiting = 0;

  constructor(options: ListReloadOptions) {
    this.#options = options;
  }

  async reload(list: ModelList, cancellation: Cancellation): Promise<void> {
    if (this.#waiting > MAX_WAITING)
      throw new GatewayError('UNAVAILABLE', `${MAX_WAITING} reloads wait already: try again`, {
        reason: 'queue_full',
        retryAfterMs: 1000,
      });
    this.#waiting++;
    await this.#turns
      .take(async () => {
        // The caller may have waited until it was told that its time is up.
        if (cancellation.cancelled) throw givenUp();
        await this.#change(list, cancellation);
      })
      .finally(() => void this.#waiting--);
  }

  async #change(list: ModelList, cancellation: Cancellation): Promise<void> {
    const { admit, look, served, stage, aspire, hold, follow, relabel, policyOf } = this.#options;
    await admit(list);
    const before = served();
    hold();
    try {
      const found = await look(list);
      const planned = planReload(list, found, policyOf);
      stage(planned);
      aspire(besides(before.found, found));
      await this.#loaded(planned, cancellation);
      await relabel(labelChanges(before.list, list));
      // In one turn of the event loop. The stage last: what is on it is the list's now.
      aspire(found);
      follow(list);
      stage(NOTHING);
    } catch (error) {
      stage(NOTHING);
      aspire(before.found);
      follow(before.list);
      throw error;
    }
  }

  /** Resolves when all planned versions can be called. Rejects where one has failed, or the caller has given up. */
  async #loaded(planned: PlannedVersions, cancellation: Cancellation): Promise<void> {
    const ended = Promise.all(
      [...planned].map(async ([model, versions]) => {
        const outcomes = await this.#options.outcome(model);
        return [...versions].flatMap((version) => {
          const outcome = outcomes.find((one) => one.version === version);
          // None: the server stops, or its files went while they were loaded.
          const failure = outcome === undefined ? 'it was not loaded' : outcome.failure;
          return failure === undefined ? [] : [{ model, version, failure }];
        });
      }),
    );
    const gone = new Promise<never>((_, reject) => cancellation.listen(() => reject(givenUp())));
    const failed = (await Promise.race([ended, gone])).flat();
    cancellation.listen(undefined);
    if (failed.length === 0) return;
    const lines = failed.map(
      ({ model, version, failure }) =>
        `{{name: ${bare(model)} version: ${version}} due to error: ${failure}}, `,
    );
    const message = `${failed.length} model(s) did not become available: {${lines.join('')}}`;
    throw new GatewayError('UNKNOWN', message, { reason: 'model_error', field: 'config' });
  }
}

/** A model's labels are the list's where it names some, or has named some before; else they are somebody else's. */
function labelChanges(before: ModelList | undefined, after: ModelList): WantedLabels[] {
  const named = (list: ModelList | undefined) =>
    (list?.models ?? []).filter(({ labels }) => labels.size > 0).map(({ name }) => name);
  const models = new Set([...named(before), ...named(after)]);
  return [...models].map((model) => ({
    model,
    labels: after.models.find(({ name }) => name === model)?.labels ?? new Map(),
    onlyNew: false,
  }));
}

/** Where calls say what is loaded, one model at a time. */
export const NO_LISTS: ModelListControl = {
  reload: async () => {
    throw listError(
      'FAILED_PRECONDITION',
      'Cannot transition to requested config. Models are loaded by call, one by one (--model-control-mode=explicit)',
      'config',
    );
  },
};

function givenUp(): GatewayError {
  return new GatewayError(
    'DEADLINE_EXCEEDED',
    'not all models became available in time: nothing has changed',
    {
      reason: 'deadline_passed',
    },
  );
}
