import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DesiredState, EMPTY_STATE } from '../../../../gateway/repository/labels/desired-state.js';
import { relabel } from '../../../../gateway/repository/labels/relabel.js';

const note = { who: 'w', why: 'y', atMs: 1 };
const wanted = (labels: Record<string, number>, onlyNew = false) => [
  { model: 'm', labels: new Map(Object.entries(labels)), onlyNew },
];
const labelsOf = (state: DesiredState) =>
  Object.fromEntries(Object.entries(state.labels['m'] ?? {}).map(([label, { version }]) => [label, version]));

test('labels of a model become those that are wanted, in one generation, with a line of history for each', () => {
  const first = relabel(EMPTY_STATE, wanted({ a: 1, b: 2 }), note);
  assert.deepEqual(labelsOf(first), { a: 1, b: 2 });
  assert.equal(first.generation, 1);
  assert.deepEqual(
    first.history.map(({ generation, label }) => [generation, label]),
    [
      [1, 'a'],
      [1, 'b'],
    ],
  );
  const second = relabel(first, wanted({ b: 3, c: 1 }), note);
  assert.deepEqual(labelsOf(second), { b: 3, c: 1 });
  assert.equal(second.generation, 2);
  assert.deepEqual(
    second.history.slice(2).map(({ generation }) => generation),
    [2, 2, 2],
  );
  assert.equal(relabel(second, wanted({ c: 1, b: 3 }), note), second, 'nothing to change is no change');
});

test('at the start only labels that nobody has set are set', () => {
  const moved = relabel(EMPTY_STATE, wanted({ a: 5 }), note);
  assert.deepEqual(labelsOf(relabel(moved, wanted({ a: 1, b: 2 }, true), note)), { a: 5, b: 2 });
});

test('what is no label is refused, and the state is what it was', () => {
  assert.throws(() => relabel(EMPTY_STATE, wanted({ good: 1, '1': 1 }), note), /'1' is not a legal label/);
});
