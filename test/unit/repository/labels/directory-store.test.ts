import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setLabel } from '../../../../gateway/repository/labels/change-label.js';
import { type DesiredState, EMPTY_STATE } from '../../../../gateway/repository/labels/desired-state.js';
import { directoryStore } from '../../../../gateway/repository/labels/directory-store.js';
import { fileStore } from '../../../../gateway/repository/labels/file-store.js';
import { readState, writeState } from '../../../../gateway/repository/labels/state-text.js';

const note = { model: 'iris', label: 'stable', who: '', why: '', atMs: 1 };
const next = (state: DesiredState): DesiredState => setLabel(state, note, state.generation + 1);

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-labels-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('what is written is read back, also by another store on the directory', async (t) => {
  const path = join(directory(t), 'made/with/the/first');
  const store = directoryStore(path);
  assert.deepEqual(await store.read(), EMPTY_STATE);
  const first = next(EMPTY_STATE);
  assert.equal(await store.write(first), true);
  assert.deepEqual(await directoryStore(path).read(), JSON.parse(JSON.stringify(first)));
});

test('a document that could not be read again is not written: the labels stay as they are, and can be changed', async (t) => {
  const store = directoryStore(directory(t));
  const first = next(EMPTY_STATE);
  await store.write(first);
  const previous = Array.from({ length: 10 }, (_, i) => 2 ** 52 + i);
  const label = { version: 2 ** 52 - 1, previous };
  const mine = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`l${i}`, label]));
  const labels = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`m${i}`, mine]));
  const large = { ...first, generation: 2, labels };
  await assert.rejects(store.write(large), {
    code: 'RESOURCE_EXHAUSTED',
    message: /the labels of all models take \d+ bytes, at most 8388608 are kept: remove some/,
  });
  assert.equal((await store.read()).generation, 1);
  assert.equal(await store.write(next(first)), true);
});

test('two writers never make the same generation: the second is told', async (t) => {
  const path = directory(t);
  const [mine, others] = [directoryStore(path), directoryStore(path)];
  const first = next(EMPTY_STATE);
  const results = await Promise.all([mine.write(first), others.write({ ...first, history: [] })]);
  assert.deepEqual(results.sort(), [false, true]);
  assert.equal(await mine.write(first), false, 'a stale generation');
});

test('killed before any step: the state is the old or the new, and the next change works', async (t) => {
  const steps = ['write', 'flush', 'link', 'flush directory', 'tidy'];
  const seen: string[] = [];
  for (const step of steps) {
    const path = directory(t);
    const old = next(EMPTY_STATE);
    assert.equal(await directoryStore(path).write(old), true);
    const killed = directoryStore(path, (at) => {
      if (!seen.includes(at)) seen.push(at);
      if (at === step) throw new Error('killed');
    });
    await assert.rejects(killed.write(next(old)));
    const found = await directoryStore(path).read();
    assert.equal(found.generation, steps.indexOf(step) <= 2 ? 1 : 2, step);
    assert.equal(await directoryStore(path).write(next(found)), true);
  }
  assert.deepEqual(seen, steps, 'every step was stopped at');
});

test('what a killed writer left half written is no state', async (t) => {
  const path = directory(t);
  writeFileSync(join(path, '.labels.1.99.0.tmp'), '{"gener');
  assert.deepEqual(await directoryStore(path).read(), EMPTY_STATE);
  assert.equal(await directoryStore(path).write(next(EMPTY_STATE)), true);
});

test('old generations are tidied away, the last ten stay', async (t) => {
  const path = directory(t);
  const store = directoryStore(path);
  let state = EMPTY_STATE;
  for (let n = 0; n < 30; n++) {
    state = next(state);
    assert.equal(await store.write(state), true);
  }
  assert.equal(readdirSync(path).length, 11);
});

test('a broken document is never taken for an empty one, and says where and what', async (t) => {
  const path = directory(t);
  writeFileSync(join(path, 'labels.4.json'), '{"labels": {"iris": {"stable": -1}}}');
  const wanted = { code: 'FAILED_PRECONDITION', message: /labels\.4\.json.*iris\.stable: wanted an object/ };
  await assert.rejects(directoryStore(path).read(), wanted);
  await assert.rejects(fileStore(join(path, 'none.json')).read(), { code: 'FAILED_PRECONDITION' });
});

test('a document written by hand may say only where labels lead', async (t) => {
  const path = join(directory(t), 'labels.json');
  writeFileSync(path, '{"generation": 7, "labels": {"iris": {"stable": 2}}, "pins": {"iris": [1]}}');
  const store = fileStore(path);
  const labels = { iris: { stable: { version: 2, previous: [] } } };
  assert.deepEqual(await store.read(), { generation: 7, labels, pins: { iris: [1] }, history: [] });
  assert.match(store.readOnly ?? '', /labels are read from/);
});

test('hostile documents are refused in words', () => {
  for (const text of [
    '',
    '[]',
    '{"generation": 1.5}',
    '{"labels": {"../x": {}}}',
    '{"labels": {"iris": {"9": 1}}}',
    '{"labels": {"iris": {"a": {"version": 1, "previous": ["x"]}}}}',
    '{"pins": {"iris": 1}}',
    '{"history": [{}]}',
  ])
    assert.ok('fault' in readState(text), text);
  assert.deepEqual(readState(writeState(EMPTY_STATE)), EMPTY_STATE);
});
