import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Note,
  removeLabel,
  rollBack,
  setLabel,
} from '../../../../gateway/repository/labels/change-label.js';
import {
  type DesiredState,
  EMPTY_STATE,
  labelOf,
  MAX_HISTORY,
  MAX_LABELS,
  MAX_PREVIOUS,
} from '../../../../gateway/repository/labels/desired-state.js';

const note = (label = 'stable', model = 'iris'): Note => ({ model, label, who: 'ann', why: 'test', atMs: 5 });

function through(versions: readonly number[]): DesiredState {
  return versions.reduce((state, version) => setLabel(state, note(), version), EMPTY_STATE);
}

test('a label moves with a new generation, and remembers where it was and who moved it', () => {
  const state = through([1, 2]);
  assert.equal(state.generation, 2);
  assert.deepEqual(labelOf(state, 'iris', 'stable'), { version: 2, from: 1, previous: [1] });
  const change = { who: 'ann', why: 'test', atMs: 5, model: 'iris', label: 'stable', kind: 'label' };
  assert.deepEqual(state.history, [
    { ...change, generation: 1, to: 1 },
    { ...change, generation: 2, from: 1, to: 2 },
  ]);
});

test('a label that is there already is no change: the same call to every replica makes one', () => {
  const state = through([1, 2]);
  assert.equal(setLabel(state, note(), 2), state);
});

test('a rollback goes one version back each time, never forward again', () => {
  const back = rollBack(through([1, 2, 3]), note());
  assert.deepEqual(labelOf(back, 'iris', 'stable'), { version: 2, from: 3, previous: [1], back: true });
  const twice = rollBack(back, note());
  assert.deepEqual(labelOf(twice, 'iris', 'stable'), { version: 1, from: 2, previous: [], back: true });
  assert.throws(() => rollBack(twice, note()), {
    code: 'FAILED_PRECONDITION',
    message: /no version before 1/,
  });
});

test('a rollback from a named version happens once, however many are told', () => {
  const back = rollBack(through([1, 2, 3]), note(), 3);
  assert.equal(rollBack(back, note(), 3), back);
  assert.throws(() => rollBack(back, note(), 9), {
    code: 'FAILED_PRECONDITION',
    message: /leads to version 2/,
  });
  const moved = setLabel(back, note(), 4);
  assert.throws(() => rollBack(moved, note(), 3), { code: 'FAILED_PRECONDITION' });
});

test('a new label remembers what answered before there was one', () => {
  const state = setLabel(EMPTY_STATE, { ...note(), served: 3 }, 1);
  assert.deepEqual(labelOf(state, 'iris', 'stable'), { version: 1, from: 3, previous: [3] });
  assert.equal(state.history[0]?.from, 3);
  const same = setLabel(EMPTY_STATE, { ...note(), served: 1 }, 1);
  assert.deepEqual(labelOf(same, 'iris', 'stable'), { version: 1, from: undefined, previous: [] });
});

test('a label can be removed; what is not there cannot, nor be rolled back', () => {
  const state = removeLabel(through([1]), note());
  assert.deepEqual([state.generation, state.labels], [2, {}]);
  assert.throws(() => removeLabel(state, note()), { code: 'NOT_FOUND', message: /it has none/ });
  assert.throws(() => rollBack(state, note()), { code: 'NOT_FOUND' });
});

test('a model called constructor is a model like others', () => {
  const state = setLabel(EMPTY_STATE, note('name', 'constructor'), 1);
  assert.equal(labelOf(state, 'constructor', 'name')?.version, 1);
  assert.throws(() => rollBack(EMPTY_STATE, note('name', 'constructor')), { code: 'NOT_FOUND' });
});

test('all of it is bounded: history, ways back, labels, notes', () => {
  let state = EMPTY_STATE;
  for (let version = 1; version <= MAX_HISTORY + 5; version++) state = setLabel(state, note(), version);
  assert.equal(state.history.length, MAX_HISTORY);
  assert.equal(state.history.at(-1)?.generation, MAX_HISTORY + 5);
  assert.equal(labelOf(state, 'iris', 'stable')?.previous.length, MAX_PREVIOUS);
  for (let n = 1; n < MAX_LABELS; n++) state = setLabel(state, note(`l${n}`), 1);
  assert.throws(() => setLabel(state, note('more'), 1), { code: 'RESOURCE_EXHAUSTED' });
  const long = setLabel(EMPTY_STATE, { ...note(), who: 'x'.repeat(999) }, 1);
  assert.equal(long.history[0]?.who.length, 200);
});

test('what is no label is refused', () => {
  for (const label of ['', '1', '-a', 'a b', 'é', 'a'.repeat(64), '__proto__'])
    assert.throws(() => setLabel(EMPTY_STATE, note(label), 1), { code: 'INVALID_ARGUMENT' }, label);
});

test('a note that is cut in the midst of a character stays text', () => {
  const { history } = setLabel(EMPTY_STATE, { ...note(), why: `${'x'.repeat(199)}😀` }, 1);
  assert.equal(history[0]?.why, 'x'.repeat(199));
});
