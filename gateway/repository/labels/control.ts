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
import type { Manifest } from '../../core/manifest.js';
import { DEFAULT_LABEL } from '../choose-version.js';
import { isModelName } from '../names.js';
import { type Note, removeLabel, rollBack, setLabel } from './change-label.js';
import { pin, unpin } from './change-pin.js';
import { type DesiredState, labelOf, labelsOf, pinsOf } from './desired-state.js';
import type { LabelKeeper } from './label-keeper.js';
import { signatureDifference, signatureDigest } from './signature-difference.js';

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
          differs: this.#difference(line.model, '', line.version),
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
        held: this.#difference(name, label, version),
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
    const move: Move = (state, version, kind) =>
      setLabel(state, this.#gated(note, version, change), version, kind);
    const note: Note = { model, label, who, why, atMs: wallClockMs(), served };
    let before: DesiredState | undefined;
    const after = await this.#keeper.change((state) => {
      before = state;
      if (ifGeneration !== undefined && ifGeneration !== state.generation) {
        const message = `the labels have changed: they are at generation ${state.generation}, not ${ifGeneration}`;
        throw new GatewayError('ABORTED', message, { reason: 'bad_request', field: 'note.if_generation' });
      }
      return stepped(state, note, change, move);
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

  /**
   * The note with the signature that clients of the label know as its condition. Throws FAILED_PRECONDITION where the version is
   * there and has another one; one that comes later is held.
   */
  #gated(note: Note, version: number, { step }: ControlChange): Note {
    const { model, label } = note;
    const known = this.#served(model, label);
    if (known === undefined || !('force' in step) || step.force) return note;
    const difference = this.#difference(model, label, version);
    if (difference === '') return { ...note, accepts: signatureDigest(known.signature) };
    const message = `cannot move label ${quote(label)} of '${model}' to version ${version}: its signature is not that of version ${known.version}, which answers now (${difference}); use force (--force) where clients are ready for it`;
    throw new GatewayError('FAILED_PRECONDITION', message, { reason: 'bad_request', field: 'force' });
  }

  /** How a version's signature differs from what answers for a label, or for none; `''` where one of the two is not there. */
  #difference(model: string, label: string, version: number): string {
    const served = this.#served(model, label);
    const other = this.#describe(model, String(version));
    if (served === undefined || other === undefined || served === other) return '';
    return signatureDifference(served.signature, other.signature);
  }

  /** What answers for a label, or for none. Where the default label is not set, that is what answers without one. */
  #served(model: string, label: string): Manifest | undefined {
    const set = label !== DEFAULT_LABEL || labelOf(this.#keeper.state, model, label) !== undefined;
    return this.#describe(model, set ? label : '');
  }

  #describe(model: string, version: string): Manifest | undefined {
    try {
      return this.#catalog.describe(model, version);
    } catch {
      return undefined;
    }
  }

  #answers(model: string, version: string): number | undefined {
    return this.#describe(model, version)?.version;
  }

  #checkModel(model: string): void {
    if (isModelName(model) && this.#catalog.known(model)) return;
    throw new GatewayError('NOT_FOUND', `${quote(model)} is not a model of this server`, {
      reason: 'unknown_model',
      field: 'model',
    });
  }
}

/** Lets the label in question lead to a version. */
type Move = (state: DesiredState, version: number, kind: 'label' | 'promote') => DesiredState;

function stepped(state: DesiredState, note: Note, { model, step }: ControlChange, move: Move): DesiredState {
  switch (step.kind) {
    case 'label':
      return move(state, step.version, 'label');
    case 'remove':
      return removeLabel(state, note);
    case 'rollback':
      return rollBack(state, note, step.fromVersion);
    case 'load':
      return pin(state, note, step.version);
    case 'unload':
      return unpin(state, note, step.version);
    case 'promote': {
      if ('version' in step) return move(state, step.version, 'promote');
      const from = labelOf(state, model, step.fromLabel);
      if (from !== undefined) return move(state, from.version, 'promote');
      const message = `cannot promote: '${model}' has no label ${quote(step.fromLabel)}`;
      throw new GatewayError('NOT_FOUND', message, { reason: 'bad_request', field: 'from_label' });
    }
  }
}
