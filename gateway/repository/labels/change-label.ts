import { GatewayError, quote } from '../../core/error.js';
import {
  type Change,
  type ChangeKind,
  type DesiredState,
  type LabelState,
  labelOf,
  labelsOf,
  MAX_HISTORY,
  MAX_LABELLED_MODELS,
  MAX_LABELS,
  MAX_NOTE_CHARS,
  MAX_PREVIOUS,
} from './desired-state.js';
import { isLabel, LABEL_RULE } from './label-name.js';

/** Whose label is changed, by whom, and why. */
export interface Note {
  readonly model: string;
  readonly label: string;
  readonly who: string;
  readonly why: string;
  readonly atMs: number;
  /**
   * What answered where the label is new, if anything did: it serves until the label's version is there, and a rollback
   * leads back to it.
   */
  readonly served?: number | undefined;
  /** The digest of the signature that clients of the label know: another one is held. Undefined: whatever it is, as with `force`. */
  readonly accepts?: string | undefined;
}

/**
 * The state with the label leading to `version`. A label that leads there already is left as it is, so that the same call
 * to several replicas of one document makes one change. Throws INVALID_ARGUMENT for what is no label, RESOURCE_EXHAUSTED
 * for one label or model too many.
 */
export function setLabel(
  state: DesiredState,
  note: Note,
  version: number,
  kind: 'label' | 'promote' = 'label',
): DesiredState {
  checkLabel(note.label);
  const set = labelOf(state, note.model, note.label);
  const held = set?.accepts !== undefined && note.accepts === undefined;
  // A version that is held is let through by the same move without a condition.
  if (set?.version === version && held) return withLabel(state, note, kind, { ...set, accepts: undefined });
  if (set?.version === version) return state;
  if (set === undefined) checkRoom(state, note.model);
  const served = note.served === undefined ? undefined : { version: note.served, previous: [] };
  const now = set ?? (served?.version === version ? undefined : served);
  const previous = now === undefined ? [] : [now.version, ...now.previous.filter((old) => old !== version)];
  const accepts = note.accepts !== undefined && { accepts: note.accepts };
  const next = { version, from: now?.version, previous: previous.slice(0, MAX_PREVIOUS), ...accepts };
  return withLabel(state, note, kind, next);
}

/**
 * The state with the label back where it led before. `from`: the version that the caller wants to leave; where the label
 * has left it already by a rollback, nothing changes. Throws NOT_FOUND where there is no such label, FAILED_PRECONDITION where
 * it never led elsewhere or has moved since.
 */
export function rollBack(state: DesiredState, note: Note, from?: number): DesiredState {
  const now = existing(state, note);
  if (from !== undefined && from !== now.version) {
    const last = lastChange(state, note);
    if (last?.kind === 'rollback' && last.from === from) return state;
    const message = `cannot roll back label ${quote(note.label)} of '${note.model}' from version ${from}: it leads to version ${now.version}`;
    throw new GatewayError('FAILED_PRECONDITION', message, { reason: 'bad_request', field: 'from_version' });
  }
  const [version, ...previous] = now.previous;
  if (version === undefined) {
    const message = `cannot roll back label ${quote(note.label)} of '${note.model}': it has led to no version before ${now.version}`;
    throw new GatewayError('FAILED_PRECONDITION', message, { reason: 'bad_request', field: 'label' });
  }
  return withLabel(state, note, 'rollback', { version, from: now.version, previous, back: true });
}

/** The state without the label. Throws NOT_FOUND where there is none. */
export function removeLabel(state: DesiredState, note: Note): DesiredState {
  existing(state, note);
  return withLabel(state, note, 'remove', undefined);
}

function existing(state: DesiredState, { model, label }: Note): LabelState {
  checkLabel(label);
  const found = labelOf(state, model, label);
  if (found !== undefined) return found;
  const names = Object.keys(labelsOf(state, model)).join(', ');
  const message = `'${model}' has no label ${quote(label)}: it has ${names === '' ? 'none' : names}`;
  throw new GatewayError('NOT_FOUND', message, { reason: 'bad_request', field: 'label' });
}

function lastChange(state: DesiredState, { model, label }: Note): Change | undefined {
  return state.history.findLast((change) => change.model === model && change.label === label);
}

function withLabel(
  state: DesiredState,
  note: Note,
  kind: ChangeKind,
  next: LabelState | undefined,
): DesiredState {
  const { model, label, who, why, atMs } = note;
  const generation = state.generation + 1;
  const before = labelOf(state, model, label)?.version ?? next?.from;
  const { [label]: _before, ...others } = labelsOf(state, model);
  const mine = next === undefined ? others : { ...others, [label]: next };
  const { [model]: _mine, ...rest } = state.labels;
  const labels = Object.keys(mine).length === 0 ? rest : { ...rest, [model]: mine };
  const change: Change = {
    ...{ generation, atMs, who: cut(who), why: cut(why), kind, model, label },
    ...(before !== undefined && { from: before }),
    ...(next !== undefined && { to: next.version }),
  };
  return { ...state, generation, labels, history: remember(state, change) };
}

/** The history with one more change, without what is too old for it. */
export function remember({ history }: DesiredState, change: Change): readonly Change[] {
  return [...history, change].slice(-MAX_HISTORY);
}

function checkLabel(label: string): void {
  if (isLabel(label)) return;
  const message = `${quote(label)} is not a legal label: wanted ${LABEL_RULE}`;
  throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'label' });
}

function checkRoom(state: DesiredState, model: string): void {
  const labels = Object.keys(labelsOf(state, model)).length;
  const models = Object.keys(state.labels).length;
  const full =
    labels >= MAX_LABELS
      ? `'${model}' has ${labels} labels, at most ${MAX_LABELS} are kept`
      : labels === 0 && models >= MAX_LABELLED_MODELS
        ? `${models} models have labels, at most ${MAX_LABELLED_MODELS} are kept`
        : undefined;
  if (full === undefined) return;
  throw new GatewayError('RESOURCE_EXHAUSTED', `no room for another label: ${full}; remove one`, {
    reason: 'bad_request',
    field: 'label',
  });
}

/** A note as it is kept: cut, and text that every writer can write. */
export function cut(text: string): string {
  const kept = text.toWellFormed().slice(0, MAX_NOTE_CHARS);
  return kept.isWellFormed() ? kept : kept.slice(0, -1);
}
