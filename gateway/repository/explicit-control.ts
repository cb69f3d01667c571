import { rm } from 'node:fs/promises';
import { GatewayError, quote } from '../core/error.js';
import type { ModelControl, ModelLoad } from '../core/model-control.js';
import { Turns } from '../core/turns.js';
import type { Found } from './found.js';
import { checkModelName, checkPaths, type ModelOverride, readOverride } from './model-override.js';

/** What calls have asked for. */
export interface AskedModels {
  readonly models: ReadonlySet<string>;
  readonly overrides: ReadonlyMap<string, ModelOverride>;
}

/** How a load of a wanted version ended. */
export interface LoadOutcome {
  readonly version: number;
  /** Why its last load failed; undefined where it did not. */
  readonly failure: string | undefined;
}

export interface ExplicitControlOptions {
  /** Models that are loaded without a call. */
  readonly models: readonly string[];
  /** Looks at the repositories; models that are not asked for are marked so. */
  readonly look: (asked: AskedModels) => Promise<Found>;
  readonly aspire: (found: Found) => void;
  /** Tries failed versions of a model again, and waits until nothing of it is under way. */
  readonly outcome: (model: string) => Promise<readonly LoadOutcome[]>;
  /** Where the files of a load are put: of this model and of these contents. */
  readonly directoryOf: (model: string, digest: string) => string;
  /** Whether calls may bring files: they are models that nobody put into a repository. */
  readonly allowFiles: boolean;
}

/** Calls that wait for their turn; and loads that wait for that, or for how they end. */
const MAX_WAITING = 200;

/** Loads and unloads by call. What one changes is in force before the next is looked at. */
export class ExplicitControl implements ModelControl {
  readonly explicit = true;
  readonly #options: ExplicitControlOptions;
  #asked: AskedModels;
  readonly #turns = new Turns();
  #waiting = 0;
  #openLoads = 0;

  constructor(options: ExplicitControlOptions) {
    this.#options = options;
    this.#asked = { models: new Set(options.models), overrides: new Map() };
  }

  /** What is there now, and what of it is asked for. */
  look(): Promise<Found> {
    return this.#options.look(this.#asked);
  }

  async load(request: ModelLoad): Promise<void> {
    const { model } = request;
    checkModelName(model);
    checkPaths(model, request.files);
    if (request.files.size > 0 && !this.#options.allowFiles) {
      const message = `failed to load ${quote(model)}: files in place of the repository's are not taken (--allow-file-overrides)`;
      throw new GatewayError('PERMISSION_DENIED', message, {
        reason: 'bad_request',
        field: "parameters['file']",
      });
    }
    if (this.#openLoads >= MAX_WAITING) throw tooMany();
    this.#openLoads++;
    const outcomes = await this.#inTurn(() => this.#ask(request))
      .then(() => this.#options.outcome(model))
      .finally(() => void this.#openLoads--);
    const failed = outcomes.filter(({ failure }) => failure !== undefined);
    if (outcomes.length === 0) throw failedToLoad(model, 'it was unloaded meanwhile');
    if (failed.length === 0) return;
    const why = failed.map(
      ({ version, failure }) => `version ${version} is at UNAVAILABLE state: ${failure}`,
    );
    throw failedToLoad(model, why.join('; '));
  }

  unload(model: string): Promise<void> {
    return this.#inTurn(async () => {
      const models = new Set(this.#asked.models);
      models.delete(model);
      await this.#change(model, models, undefined);
    });
  }

  async #ask(request: ModelLoad): Promise<void> {
    const { model } = request;
    const override = await readOverride(request, (digest) => this.#options.directoryOf(model, digest));
    const models = new Set(this.#asked.models).add(model);
    const given = override?.directory;
    const found = await this.#change(model, models, override).catch(async (error: unknown) => {
      // Nobody will ask for these files.
      if (given !== undefined && this.#asked.overrides.get(model)?.directory !== given)
        await rm(given, { recursive: true, force: true });
      throw error;
    });
    if (found.models.some(({ name }) => name === model)) return;
    const problem = found.problems.find((each) => each.model === model);
    if (problem !== undefined) throw failedToLoad(model, problem.reason);
    throw new GatewayError(
      'NOT_FOUND',
      `failed to load ${quote(model)}, failed to poll from model repository: it is not there`,
      { reason: 'unknown_model', field: 'model_name' },
    );
  }

  async #change(
    model: string,
    models: ReadonlySet<string>,
    override: ModelOverride | undefined,
  ): Promise<Found> {
    const overrides = new Map(this.#asked.overrides);
    const former = overrides.get(model);
    if (override === undefined) overrides.delete(model);
    else overrides.set(model, override);
    const asked = { models, overrides };
    const found = await this.#options.look(asked);
    this.#asked = asked;
    this.#options.aspire(found);
    const left = former?.directory;
    // Workers have copies of what was in it.
    if (left !== undefined && left !== override?.directory) await rm(left, { recursive: true, force: true });
    return found;
  }

  async #inTurn<T>(step: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw tooMany();
    this.#waiting++;
    return this.#turns.take(step).finally(() => void this.#waiting--);
  }
}

/** Where the repositories, not calls, say what is loaded: in Triton's words, which say polling in either mode. */
export const NO_CONTROL: ModelControl = {
  explicit: false,
  load: () => Promise.reject(notExplicit()),
  unload: () => Promise.reject(notExplicit()),
};

function notExplicit(): GatewayError {
  const message =
    'explicit model load / unload is not allowed if polling is enabled: what is loaded follows the repositories; start the server with --model-control-mode=explicit';
  return new GatewayError('UNAVAILABLE', message, { reason: 'bad_request' });
}

function tooMany(): GatewayError {
  return new GatewayError('UNAVAILABLE', `${MAX_WAITING} loads and unloads wait already: try again`, {
    reason: 'queue_full',
    retryAfterMs: 1000,
  });
}

function failedToLoad(model: string, why: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', `failed to load ${quote(model)}, ${why}`, {
    reason: 'model_error',
    field: 'model_name',
  });
}
