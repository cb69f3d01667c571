import type { PastChange } from '../../core/control.js';

/** What an entry of the history did. */
export type ChangeKind = 'label' | 'promote' | 'rollback' | 'remove' | 'load' | 'unload';

/** One change, of a label or of what is loaded. */
export interface Change extends PastChange {
  readonly kind: ChangeKind;
}

/** A label of one model. */
export interface LabelState {
  readonly version: number;
  /** Where it led before its last move: what serves until its version is there. */
  readonly from?: number | undefined;
  /** Where a rollback leads, the next one first. */
  readonly previous: readonly number[];
  /** Whether its last move was a rollback: a server that starts anew never serves what was left then. @default false */
  readonly back?: boolean | undefined;
  /** The digest that its version's signature must have to be served: `signatureDigest`. @default any will do */
  readonly accepts?: string | undefined;
}

/** By model, then by label. */
export type Labels = Readonly<Record<string, Readonly<Record<string, LabelState>>>>;

/**
 * Where every label should lead: one small document that all replicas converge to. Each change makes the next
 * generation; nothing in it is about one server.
 */
export interface DesiredState {
  /** 0 where nothing was ever set. */
  readonly generation: number;
  readonly labels: Labels;
  /** By model, versions that are loaded though neither policy nor label asks for them, ascending. */
  readonly pins: Readonly<Record<string, readonly number[]>>;
  /** The newest last, at most `MAX_HISTORY`. */
  readonly history: readonly Change[];
}

export const EMPTY_STATE: DesiredState = { generation: 0, labels: {}, pins: {}, history: [] };

/** Changes that are remembered, over all models. */
export const MAX_HISTORY = 500;
/** Rollbacks that one label can make in a row. */
export const MAX_PREVIOUS = 10;
/** Labels of one model. */
export const MAX_LABELS = 32;
/** Versions of one model that are pinned. */
export const MAX_PINS = 32;
/** Models that have labels, and models that have pins. */
export const MAX_LABELLED_MODELS = 10_000;
/** Longest `who` and `why`, in characters; what is longer is cut. */
export const MAX_NOTE_CHARS = 200;

/** A model's labels; none where it has none. Own keys only: models may be called `constructor`. */
export function labelsOf({ labels }: DesiredState, model: string): Readonly<Record<string, LabelState>> {
  return Object.hasOwn(labels, model) ? (labels[model] as Readonly<Record<string, LabelState>>) : {};
}

/** One label; undefined where it is not set. */
export function labelOf(state: DesiredState, model: string, label: string): LabelState | undefined {
  const mine = labelsOf(state, model);
  return Object.hasOwn(mine, label) ? mine[label] : undefined;
}

/** A model's pinned versions; none where it has none. */
export function pinsOf({ pins }: DesiredState, model: string): readonly number[] {
  return Object.hasOwn(pins, model) ? (pins[model] as readonly number[]) : [];
}
