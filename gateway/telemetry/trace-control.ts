import { GatewayError } from '../core/error.js';
import type { TraceChange, TraceControl, TraceSettings } from '../core/trace-settings.js';

/** Triton's defaults: nothing is traced. */
const DEFAULTS: TraceSettings = { level: [], rate: 1000, count: -1, logFrequency: 0, mode: 'triton' };

/** Most models with settings of their own. */
const MAX_MODELS = 4096;

/**
 * Keeps what is to be traced, for the server and for models that differ from it. It traces nothing itself: what does reads
 * it, and is told of every change.
 */
export class TraceKeeper implements TraceControl {
  #server: TraceSettings;
  readonly #defaults: TraceSettings;
  readonly #models = new Map<string, Partial<TraceSettings>>();
  readonly #onChange: (model: string | undefined) => void;

  /**
   * @param onChange called after every change, with the model that it was for; default: nobody is told
   * @param defaults what holds until it is changed, and again when it is cleared; default: nothing is traced
   */
  constructor(onChange: (model: string | undefined) => void = () => {}, defaults = DEFAULTS) {
    this.#onChange = onChange;
    this.#defaults = defaults;
    this.#server = defaults;
  }

  read(model: string | undefined): TraceSettings {
    const own = model === undefined ? undefined : this.#models.get(model);
    return { ...this.#server, ...own };
  }

  /** What a model clears is the server's again, and what the server clears is the default. Throws RESOURCE_EXHAUSTED. */
  change(model: string | undefined, change: TraceChange): void {
    if (model === undefined) {
      this.#server = { ...this.#defaults, ...given({ ...this.#server, ...change }) };
    } else {
      const own = given({ ...this.#models.get(model), ...change });
      if (Object.keys(own).length === 0) this.#models.delete(model);
      else if (this.#models.has(model) || this.#models.size < MAX_MODELS) this.#models.set(model, own);
      else {
        const message = `more than ${MAX_MODELS} models with trace settings of their own: clear those of another first`;
        throw new GatewayError('RESOURCE_EXHAUSTED', message, { reason: 'bad_request' });
      }
    }
    this.#onChange(model);
  }
}

/** Without what was cleared. */
function given(settings: TraceChange): Partial<TraceSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
