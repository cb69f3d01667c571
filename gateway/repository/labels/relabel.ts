import { removeLabel, setLabel } from './change-label.js';
import { type DesiredState, labelsOf } from './desired-state.js';

/** A model's labels as they are to be: all of them, or only those that are not set. */
export interface WantedLabels {
  readonly model: string;
  readonly labels: ReadonlyMap<string, number>;
  /** Leaves what is set as it is. */
  readonly onlyNew: boolean;
}

/** Who changes them, and why. */
export interface RelabelNote {
  readonly who: string;
  readonly why: string;
  readonly atMs: number;
}

/** The state with the labels of all these models as wanted: one change, of one generation. Throws as `setLabel`. */
export function relabel(
  state: DesiredState,
  wanted: readonly WantedLabels[],
  note: RelabelNote,
): DesiredState {
  let next = state;
  for (const { model, labels, onlyNew } of wanted) {
    const before = labelsOf(state, model);
    for (const label of Object.keys(before))
      if (!onlyNew && !labels.has(label)) next = removeLabel(next, { ...note, model, label });
    for (const [label, version] of labels)
      if (!onlyNew || before[label] === undefined) next = setLabel(next, { ...note, model, label }, version);
  }
  if (next === state) return state;
  const generation = state.generation + 1;
  const history = next.history.map((change) =>
    change.generation > state.generation ? { ...change, generation } : change,
  );
  return { ...next, generation, history };
}
