import type { TraceSettings } from '../../core/trace-settings.js';
import type { TraceContext } from './trace-context.js';

/** How it is decided whose spans are wanted, by the names of OTEL_TRACES_SAMPLER. */
export type SamplerName =
  | 'always_on'
  | 'always_off'
  | 'traceidratio'
  | 'parentbased_always_on'
  | 'parentbased_always_off'
  | 'parentbased_traceidratio';

/** Share of the calls that are sampled where no client has decided. */
export function ratioOf(sampler: SamplerName, ratio: number): number {
  if (sampler.endsWith('always_on')) return 1;
  return sampler.endsWith('always_off') ? 0 : ratio;
}

export interface SamplerOptions {
  readonly sampler: SamplerName;
  /** From 0 to 1; of the ratio samplers. */
  readonly ratio: number;
  /** What is in force, for the server or a model, as TraceSetting has it. */
  readonly read: (model: string | undefined) => TraceSettings;
  /** In [0, 1). */
  readonly random: () => number;
}

/** What holds for the server, or for a model. */
interface Scope {
  readonly on: boolean;
  readonly ratio: number;
  /** Traces that may still be made. */
  left: number;
}

/** Decides whose spans are wanted, by the settings as they are and, where it is based on them, by what clients have decided. */
export class Sampler {
  /** Whether anything is traced at all. */
  active = false;
  readonly #options: SamplerOptions;
  readonly #initialRate: number;
  readonly #byParent: boolean;
  #server: Scope;
  /** Of models that had settings of their own; as bounded as those are. */
  readonly #models = new Map<string, Scope>();

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#initialRate = options.read(undefined).rate;
    this.#byParent = options.sampler.startsWith('parentbased_');
    this.#server = this.#scopeOf(undefined);
    this.#look();
  }

  /** To be called after every change of the settings, with the model that it was for. */
  changed(model: string | undefined): void {
    if (model === undefined) {
      this.#server = this.#scopeOf(undefined);
      // What models do not say themselves they have from the server.
      for (const name of this.#models.keys()) this.#models.set(name, this.#scopeOf(name));
    } else this.#models.set(model, this.#scopeOf(model));
    this.#look();
  }

  /** Whether the spans of a call are wanted, whatever becomes of it. To be asked once a call: it counts. */
  wants(model: string, parent: TraceContext | undefined): boolean {
    const scope = this.#models.get(model) ?? this.#server;
    if (!scope.on || scope.left === 0 || !this.#decide(scope, parent)) return false;
    if (scope.left > 0) scope.left--;
    return true;
  }

  /** Whether anything of this model is traced. */
  on(model: string): boolean {
    return (this.#models.get(model) ?? this.#server).on;
  }

  #decide({ ratio }: Scope, parent: TraceContext | undefined): boolean {
    if (this.#byParent && parent !== undefined) return parent.sampled;
    // Of one trace, all that decide so decide the same.
    const draw = parent === undefined ? this.#options.random() : randomnessOf(parent.traceId);
    return draw >= 1 - ratio;
  }

  #scopeOf(model: string | undefined): Scope {
    const { level, rate, count } = this.#options.read(model);
    const { sampler, ratio } = this.#options;
    const share = rate === this.#initialRate ? ratioOf(sampler, ratio) : rate === 0 ? 0 : 1 / rate;
    return { on: level.length > 0, ratio: share, left: count };
  }

  #look(): void {
    this.active = this.#server.on || [...this.#models.values()].some(({ on }) => on);
  }
}

/** The last 52 bits of a trace id as a number in [0, 1): W3C has them random. */
function randomnessOf(traceId: string): number {
  return Number.parseInt(traceId.slice(-13), 16) / 2 ** 52;
}
