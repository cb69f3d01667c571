import type { ModelCatalog } from '../../core/catalog.js';
import { wallClockMs } from '../../core/clock.js';
import type {
  ControlChange,
  ControlledLabel,
  ControlledVersion,
  ControlPlane,
  ControlResult,
  PastChange,
} from '../../core/control.js';
import { GatewayError, quote } from '../../core/error.js';
import { DEFAULT_LABEL } from '../choose-version.js';
import { isModelName } from '../names.js';
import { type Note, removeLabel, rollBack, setLabel } from './change-label.js';
import { pin, unpin } from './change-pin.js';
import { type DesiredState, labelOf, labelsOf, pinsOf } from './desired-state.js';
import type { LabelKeeper } from './label-keeper.js';

/** What it needs of the registry. */
export type ControlledCatalog = Pick<ModelCatalog, 'list' | 'available' | 'describe'> & {
  known(model: string): boolean;
};

/** The control plane over the desired state: says what is, and makes changes. */
export class Control implements ControlPlane {
  readonly #keeper: LabelKeeper;
  readonly #catalog: ControlledCatalog;
  readonly #persisted: boolean;

  /** @param persisted whether the keeper's state outlives the process */
  constructor(keeper: LabelKeeper, catalog: ControlledCatalog, persisted: boolean) {
    this.#keeper = keeper;
    this.#catalog = catalog;
    this.#persisted = persisted;
  }

  get generation(): number {
    return this.#keeper.state.generation;
  }

  versions(model: string): readonly ControlledVersion[] {
    if (model !== '') this.#checkModel(model);
    const { state } = this.#keeper;
    const chosen = new Map<string, number | undefined>();
    return this.#catalog
      .list()
      .filter((line) => model === '' || line.model === model)
      .map((line) => {
        if (!chosen.has(line.model)) chosen.set(line.model, this.#answers(line.model, ''));
        return {
          ...line,
          labels: Object.entries(labelsOf(state, line.model))
            .filter(([, { version }]) => version === line.version)
            .map(([label]) => label),
          pinned: pinsOf(state, line.model).includes(line.version),
          chosen: chosen.get(line.model) === line.version,
        };
      });
  }

  labels(model: string): readonly ControlledLabel[] {
    const { state } = this.#keeper;
    const models = model === '' ? Object.keys(state.labels).sort() : [model];
    return models.flatMap((name) =>
      Object.entries(labelsOf(state, name)).map(([label, { version, previous }]) => ({
        ...{ model: name, label, version, previous: previous[0] },
        serving: this.#answers(name, label),
      })),
    );
  }

  history(model: string): readonly PastChange[] {
    return this.#keeper.state.history.filter((change) => model === '' || change.model === model).toReversed();
  }

  async change(change: ControlChange): Promise<ControlResult> {
    const { model, step, who, why, ifGeneration } = change;
    this.#checkModel(model);
    const label = 'label' in step ? step.label : '';
    const served = label === DEFAULT_LABEL ? this.#answers(model, '') : undefined;
    const note: Note = { model, label, who, why, atMs: wallClockMs(), served };
    let before: DesiredState | undefined;
    const after = await this.#keeper.change((state) => {
      before = state;
      if (ifGeneration !== undefined && ifGeneration !== state.generation) {
        const message = `the labels have changed: they are at generation ${state.generation}, not ${ifGeneration}`;
        throw new GatewayError('ABORTED', message, { reason: 'bad_request', field: 'note.if_generation' });
      }
      return stepped(state, note, change);
    });
    const to = 'label' in step ? labelOf(after, model, label)?.version : step.version;
    return {
      generation: after.generation,
      changed: after !== before,
      from: before && (labelOf(before, model, label)?.version ?? served),
      to,
      serving: to !== undefined && this.#catalog.available(model).includes(to),
      persisted: this.#persisted,
    };
  }

  #answers(model: string, version: string): number | undefined {
    try {
      return this.#catalog.describe(model, version).version;
    } catch {
      return undefined;
    }
  }

  #checkModel(model: string): void {
    if (isModelName(model) && this.#catalog.known(model)) return;
    throw new GatewayError('NOT_FOUND', `${quote(model)} is not a model of this server`, {
      reason: 'unknown_model',
      field: 'model',
    });
  }
}

function stepped(state: DesiredState, note: Note, { model, step }: ControlChange): DesiredState {
  switch (step.kind) {
    case 'label':
      return setLabel(state, note, step.version);
    case 'remove':
      return removeLabel(state, note);
    case 'rollback':
      return rollBack(state, note, step.fromVersion);
    case 'load':
      return pin(state, note, step.version);
    case 'unload':
      return unpin(state, note, step.version);
    case 'promote': {
      if ('version' in step) return setLabel(state, note, step.version, 'promote');
      const from = labelOf(state, model, step.fromLabel);
      if (from !== undefined) return setLabel(state, note, from.version, 'promote');
      const message = `cannot promote: '${model}' has no label ${quote(step.fromLabel)}`;
      throw new GatewayError('NOT_FOUND', message, { reason: 'bad_request', field: 'from_label' });
    }
  }
}
