import { GatewayError } from '../../core/error.js';
import { cut, type Note, remember } from './change-label.js';
import { type DesiredState, MAX_LABELLED_MODELS, MAX_PINS, pinsOf } from './desired-state.js';

/**
 * The state in which `version` of a model is loaded whatever policy and labels say. One that is pinned already is no change.
 * Throws RESOURCE_EXHAUSTED for one pin too many.
 */
export function pin(state: DesiredState, note: Note, version: number): DesiredState {
  const now = pinsOf(state, note.model);
  if (now.includes(version)) return state;
  const full =
    now.length >= MAX_PINS || (now.length === 0 && Object.keys(state.pins).length >= MAX_LABELLED_MODELS);
  if (full) {
    const message = `cannot load version ${version} of '${note.model}': ${MAX_PINS} versions of a model and ${MAX_LABELLED_MODELS} models can be loaded by call; unload one`;
    throw new GatewayError('RESOURCE_EXHAUSTED', message, { reason: 'bad_request', field: 'version' });
  }
  return withPins(
    state,
    note,
    version,
    [...now, version].sort((a, b) => a - b),
  );
}

/** The state without that pin; no change where there is none. */
export function unpin(state: DesiredState, note: Note, version: number): DesiredState {
  const now = pinsOf(state, note.model);
  if (!now.includes(version)) return state;
  return withPins(
    state,
    note,
    version,
    now.filter((other) => other !== version),
  );
}

function withPins(state: DesiredState, note: Note, version: number, mine: readonly number[]): DesiredState {
  const { model, who, why, atMs } = note;
  const generation = state.generation + 1;
  const { [model]: _before, ...rest } = state.pins;
  const loads = mine.includes(version);
  const note_ = { atMs, who: cut(who), why: cut(why), model, label: '' } as const;
  const change = loads
    ? ({ ...note_, generation, kind: 'load', to: version } as const)
    : ({ ...note_, generation, kind: 'unload', from: version } as const);
  const pins = mine.length === 0 ? rest : { ...rest, [model]: mine };
  return { ...state, generation, pins, history: remember(state, change) };
}
