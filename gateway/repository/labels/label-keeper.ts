import type { Clock, TimerHandle } from '../../core/clock.js';
import { GatewayError } from '../../core/error.js';
import type { Logger } from '../../core/logger.js';
import { Turns } from '../../core/turns.js';
import { type Arrival, aspiredByLabels, type LabelDemand } from './aspired-by-labels.js';
import {
  type DesiredState,
  EMPTY_STATE,
  type LabelState,
  labelOf,
  labelsOf,
  pinsOf,
} from './desired-state.js';
import type { LabelStore } from './label-store.js';

/** How often a change is made anew because another server has made one in between. */
const MAX_ATTEMPTS = 20;

export interface LabelKeeperOptions {
  readonly store: LabelStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often the store is read for changes of others, in ms. */
  readonly pollMs: number;
  /** How many former versions of each label stay loaded. */
  readonly keepPrevious: number;
}

/**
 * The desired state as this server has it: read at start and every `pollMs`, changed one change at a time. What it asks of
 * the registry is `demandOf`; `onChange` is called when that may have changed.
 */
export class LabelKeeper {
  readonly #options: LabelKeeperOptions;
  #state: DesiredState = EMPTY_STATE;
  /** By model and label, the version that has been available since the label led there. */
  readonly #reached = new Map<string, number>();
  /** Reads and changes come one after the other. */
  readonly #turns = new Turns();
  #timer: TimerHandle | undefined;
  #closed = false;
  /** The fault of the last read, so that it is told once. */
  #fault = '';
  /** The last generation whose changes were counted. */
  #seen = 0;
  readonly #rollbacks = new Map<string, number>();
  onChange: () => void = () => {};

  constructor(options: LabelKeeperOptions) {
    this.#options = options;
  }

  get state(): DesiredState {
    return this.#state;
  }

  /** Rollbacks by model, since it was started; whoever made them. */
  get rollbacks(): ReadonlyMap<string, number> {
    return this.#rollbacks;
  }

  /** Reads the state and goes on reading. Rejects where it cannot be read: a server does not start without its labels. */
  async start(): Promise<void> {
    const state = await this.#options.store.read();
    this.#seen = state.generation;
    for (const [model, labels] of Object.entries(state.labels))
      for (const [label, { version, back }] of Object.entries(labels))
        if (back === true) this.#reached.set(`${model}/${label}`, version);
    this.#take(state);
    this.#poll();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** What a model's labels and pins ask for while these of its versions are available. */
  demandOf(
    model: string,
    available: readonly number[],
    digestOf: (version: number) => string | undefined = () => undefined,
  ): LabelDemand {
    const labels = labelsOf(this.#state, model);
    const arrival = (label: string, { version, accepts }: LabelState): Arrival => {
      const key = `${model}/${label}`;
      const there = available.includes(version);
      const fits = accepts === undefined || digestOf(version) === accepts;
      if (there && fits) this.#reached.set(key, version);
      if (this.#reached.get(key) === version) return 'reached';
      return there ? 'held' : 'awaited';
    };
    const demand = aspiredByLabels(labels, this.#options.keepPrevious, arrival);
    const pins = pinsOf(this.#state, model);
    return pins.length === 0 ? demand : { ...demand, versions: new Set([...demand.versions, ...pins]) };
  }

  /**
   * Makes one change: reads what is, applies `transition`, writes the result; anew where another server was faster. Resolves to
   * the state after it, in force here already. Rejects as `transition` throws, with FAILED_PRECONDITION where nothing
   * can be changed, ABORTED where others are always faster.
   */
  change(transition: (state: DesiredState) => DesiredState): Promise<DesiredState> {
    return this.#turns.take(async () => {
      const { store } = this.#options;
      if (store.readOnly !== undefined)
        throw new GatewayError('FAILED_PRECONDITION', store.readOnly, { reason: 'bad_request' });
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const before = await store.read();
        const next = transition(before);
        if (next === before || (await store.write(next))) {
          this.#take(next);
          return next;
        }
      }
      throw new GatewayError('ABORTED', 'other servers change labels all the time: try again');
    });
  }

  #poll(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimer(
      () => void this.refresh().then(() => this.#poll()),
      this.#options.pollMs,
      { unref: true },
    );
  }

  /** Reads the state once; one that cannot be read leaves what is known in force. Never rejects. */
  refresh(): Promise<void> {
    return this.#turns.take(async () => {
      try {
        this.#take(await this.#options.store.read());
        this.#fault = '';
      } catch (thrown) {
        const { message } = GatewayError.from(thrown);
        if (message !== this.#fault) this.#options.logger.error({ reason: message }, 'Labels cannot be read');
        this.#fault = message;
      }
    });
  }

  /** A label that is gone and set anew waits for its version like any other; and names that come and go leave nothing behind. */
  #forgetRemoved(): void {
    for (const key of this.#reached.keys()) {
      const [model, label] = key.split('/') as [string, string];
      if (labelOf(this.#state, model, label) === undefined) this.#reached.delete(key);
    }
  }

  #take(next: DesiredState): void {
    const { generation } = this.#state;
    if (this.#closed || JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = next;
    this.#forgetRemoved();
    const change = next.history.at(-1);
    for (const { kind, model, generation: made } of next.history)
      if (kind === 'rollback' && made > this.#seen)
        this.#rollbacks.set(model, (this.#rollbacks.get(model) ?? 0) + 1);
    this.#seen = Math.max(this.#seen, next.generation);
    if (next.generation !== generation)
      this.#options.logger.info({ generation: next.generation, change }, 'Labels have changed');
    this.onChange();
  }
}
