import { isModelName } from '../names.js';
import {
  type Change,
  type ChangeKind,
  type DesiredState,
  type LabelState,
  MAX_HISTORY,
  MAX_LABELLED_MODELS,
  MAX_LABELS,
  MAX_NOTE_CHARS,
  MAX_PINS,
  MAX_PREVIOUS,
} from './desired-state.js';
import { isLabel } from './label-name.js';

/** Largest document that is read, in bytes. */
export const MAX_STATE_BYTES = 8 * 1024 * 1024;

const KINDS: readonly string[] = [
  'label',
  'promote',
  'rollback',
  'remove',
  'load',
  'unload',
] satisfies ChangeKind[];

/** The document as it is stored: JSON that people can read and mount. */
export function writeState(state: DesiredState): string {
  return `${JSON.stringify(state, undefined, 1)}\n`;
}

/** Reads a document, or says in words what is wrong with it. What is left out of one written by hand has its default. */
export function readState(text: string): DesiredState | { readonly fault: string } {
  try {
    const { generation = 0, labels = {}, pins = {}, history = [] } = record(JSON.parse(text), 'the document');
    want(isWhole(generation), 'generation: wanted a whole number of at least 0');
    const models = Object.entries(record(labels, 'labels'));
    want(models.length <= MAX_LABELLED_MODELS, `labels: more than ${MAX_LABELLED_MODELS} models`);
    const pinned = Object.entries(record(pins, 'pins'));
    want(pinned.length <= MAX_LABELLED_MODELS, `pins: more than ${MAX_LABELLED_MODELS} models`);
    want(Array.isArray(history), 'history: wanted a list');
    return {
      generation: generation as number,
      labels: Object.fromEntries(models.map(([model, mine]) => [model, readLabels(model, mine)])),
      pins: Object.fromEntries(pinned.map(([model, mine]) => [model, readPins(model, mine)])),
      history: (history as unknown[]).slice(-MAX_HISTORY).map(readChange),
    };
  } catch (error) {
    return { fault: error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message };
  }
}

function readLabels(model: string, given: unknown): Record<string, LabelState> {
  want(isModelName(model), 'labels: a key is not the name of a model');
  const mine = Object.entries(record(given, `labels of ${model}`));
  want(mine.length <= MAX_LABELS, `labels of ${model}: more than ${MAX_LABELS}`);
  return Object.fromEntries(
    mine.map(([label, state]) => [label, readLabel(`${model}.${label}`, label, state)]),
  );
}

/** A bare number is a version: what people write by hand. */
function readLabel(path: string, label: string, given: unknown): LabelState {
  want(isLabel(label), 'labels: a key is not a label');
  if (isVersion(given)) return { version: given, previous: [] };
  const { version, from, previous = [], back = false, accepts } = record(given, path);
  want(isVersion(version), `${path}.version: wanted a whole number above 0`);
  want(from === undefined || isVersion(from), `${path}.from: wanted a whole number above 0`);
  want(Array.isArray(previous) && previous.every(isVersion), `${path}.previous: wanted a list of versions`);
  want(accepts === undefined || isDigest(accepts), `${path}.accepts: wanted a digest`);
  want(typeof back === 'boolean', `${path}.back: wanted true or false`);
  return {
    version: version as number,
    ...(from !== undefined && { from: from as number }),
    previous: (previous as number[]).slice(0, MAX_PREVIOUS),
    ...(back === true && { back }),
    ...(isDigest(accepts) && { accepts }),
  };
}

function readPins(model: string, given: unknown): readonly number[] {
  want(isModelName(model), 'pins: a key is not the name of a model');
  const fits = Array.isArray(given) && given.length <= MAX_PINS && given.every(isVersion);
  want(fits, `pins of ${model}: wanted a list of at most ${MAX_PINS} versions`);
  return [...new Set(given as number[])].sort((a, b) => a - b);
}

function readChange(given: unknown, index: number): Change {
  const path = `history[${index}]`;
  const { generation, atMs, who, why, kind, model, label, from, to } = record(given, path);
  want(isWhole(generation) && isWhole(atMs), `${path}: wanted a generation and atMs`);
  for (const text of [who, why, model, label]) want(typeof text === 'string', `${path}: wanted texts`);
  want(KINDS.includes(kind as string), `${path}.kind: wanted one of ${KINDS.join(', ')}`);
  for (const version of [from, to])
    want(version === undefined || isVersion(version), `${path}: wanted versions in from and to`);
  return {
    generation: generation as number,
    atMs: atMs as number,
    who: (who as string).slice(0, MAX_NOTE_CHARS),
    why: (why as string).slice(0, MAX_NOTE_CHARS),
    kind: kind as ChangeKind,
    model: (model as string).slice(0, 255),
    label: (label as string).slice(0, 63),
    ...(from !== undefined && { from: from as number }),
    ...(to !== undefined && { to: to as number }),
  };
}

function record(given: unknown, path: string): Record<string, unknown> {
  want(typeof given === 'object' && given !== null && !Array.isArray(given), `${path}: wanted an object`);
  return given as Record<string, unknown>;
}

function isWhole(given: unknown): given is number {
  return Number.isSafeInteger(given) && (given as number) >= 0;
}

function isVersion(given: unknown): given is number {
  return isWhole(given) && given > 0;
}

function want(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}

function isDigest(given: unknown): given is string {
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given);
}
