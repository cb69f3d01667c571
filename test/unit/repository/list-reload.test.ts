/** A list that takes the place of another, with everything around it scripted: in which order, and what is left when it fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import { deferred } from '../../../gateway/core/deferred.js';
import type { GatewayError } from '../../../gateway/core/error.js';
import type { ListedModel, ModelList } from '../../../gateway/core/tfs/model-list.js';
import type { LoadOutcome } from '../../../gateway/repository/explicit-control.js';
import type { Found, FoundModel } from '../../../gateway/repository/found.js';
import { ListReload, NO_LISTS } from '../../../gateway/repository/list-reload.js';
import { besides, planReload } from '../../../gateway/repository/plan-reload.js';

const listed = (name: string, more: Partial<ListedModel> = {}): ListedModel => ({
  ...{ name, basePath: `/models/${name}`, versionPolicy: undefined, labels: new Map() },
  ...more,
});

const model = (name: string, versions: number[], more: Partial<FoundModel> = {}): FoundModel => ({
  name,
  repository: `/models/${name}`,
  directory: `/models/${name}`,
  versions: versions.map((version) => ({ version, modelPath: `/${version}`, bytes: 1, modifiedMs: 1 })),
  ...more,
});

const foundOf = (...models: FoundModel[]): Found => ({ models, problems: [], unusable: [] });

const a = model('a', [1, 2]);
const OLD = foundOf(a, model('b', [1]));
const names = ({ models }: Found) => models.map(({ name }) => name).join('');

/** Records what is done; `ended` decides how the loads end. */
function script(
  found: Found,
  ended: (model: string) => Promise<readonly LoadOutcome[]>,
  relabel = async () => {},
) {
  const done: string[] = [];
  const note = (what: string) => void done.push(what);
  const reload = new ListReload({
    admit: async () => {},
    look: async () => found,
    served: () => ({ found: OLD, list: undefined }),
    stage: (versions) => note(`stage ${[...versions].map(([name, set]) => `${name}:${[...set]}`)}`),
    aspire: (next) => note(`aspire ${names(next)}`),
    hold: () => note('hold'),
    follow: (list) => note(`follow ${list?.models.map(({ name }) => name)}`),
    outcome: ended,
    relabel: async (wanted) => {
      note(`labels ${wanted.map(({ model, labels }) => `${model}:${[...labels.keys()]}`)}`);
      await relabel();
    },
    policyOf: () => undefined,
  });
  return { reload, done };
}

const LIST: ModelList = {
  models: [listed('a', { versionPolicy: { specific: [1] }, labels: new Map([['x', 2]]) }), listed('c')],
};
const FOUND = foundOf(
  {
    ...a,
    configuration: { inputs: [], outputs: [], parameters: {}, runtime: {}, versionPolicy: { specific: [1] } },
  },
  model('c', [3]),
);
const good = async (name: string): Promise<LoadOutcome[]> =>
  (name === 'a' ? [1, 2] : [3]).map((version) => ({ version, failure: undefined }));
const UNDONE = ['stage ', 'aspire ab', 'follow undefined'];

test('what is new is loaded beside what is served; then labels and list change, and nothing is given up before', async () => {
  const { reload, done } = script(FOUND, good);
  await reload.reload(LIST, new Cancellation());
  assert.deepEqual(done, [
    ...['hold', 'stage a:1,2,c:3', 'aspire abc', 'labels a:x'],
    ...['aspire ac', 'follow a,c', 'stage '],
  ]);
});

/** What fails, and in what words. */
const FAILURES: [why: string, RegExp, (name: string) => Promise<LoadOutcome[]>][] = [
  [
    'a load that fails',
    /^1 model\(s\) did not become available: \{\{\{name: c version: 3\} due to error: broken\}, \}$/,
    async (name) => (name === 'c' ? [{ version: 3, failure: 'broken' }] : good(name)),
  ],
  [
    'a version that is not loaded at all, since the server stops',
    /3 model\(s\) .*it was not loaded/,
    async () => [],
  ],
];
for (const [why, text, ended] of FAILURES) {
  test(`${why} leaves everything as it was, labels too`, async () => {
    const { reload, done } = script(FOUND, ended);
    await assert.rejects(reload.reload(LIST, new Cancellation()), (error: GatewayError) => {
      assert.match(error.message, text);
      return error.code === 'UNKNOWN';
    });
    assert.deepEqual(done, ['hold', 'stage a:1,2,c:3', 'aspire abc', ...UNDONE]);
  });
}

test('labels that cannot be set leave everything as it was', async () => {
  const { reload, done } = script(FOUND, good, () => Promise.reject(new Error('read-only')));
  await assert.rejects(reload.reload(LIST, new Cancellation()), /read-only/);
  assert.deepEqual(done.slice(-3), UNDONE);
});

test('a caller that gives up ends its reload and no other; one that has given up before its turn begins none', async () => {
  const never = deferred<readonly LoadOutcome[]>();
  const { reload, done } = script(FOUND, () => never.promise);
  const [first, second] = [new Cancellation(), new Cancellation()];
  const ended = [first, second].map((each) =>
    reload.reload(LIST, each).catch((error: GatewayError) => error.code),
  );
  await turn();
  second.cancel();
  first.cancel();
  assert.deepEqual(await Promise.all(ended), ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
  assert.deepEqual(done, ['hold', 'stage a:1,2,c:3', 'aspire abc', ...UNDONE]);
});

test('so many reloads wait and no more', async () => {
  const gate = deferred<void>();
  const { reload } = script(FOUND, (name) => gate.promise.then(() => good(name)));
  const waiting = Array.from({ length: 11 }, () => reload.reload(LIST, new Cancellation()));
  await assert.rejects(
    reload.reload(LIST, new Cancellation()),
    (error: GatewayError) => error.code === 'UNAVAILABLE',
  );
  gate.resolve();
  await Promise.all(waiting);
});

test('the plan: what the operator says comes before the list, the list before the model', () => {
  const plan = (policy?: 'all') => planReload(LIST, FOUND, () => policy).get('a');
  assert.deepEqual([...(plan() ?? [])], [1, 2]);
  assert.deepEqual(
    [...(planReload({ models: [listed('a')] }, foundOf(a), () => undefined).get('a') ?? [])],
    [2],
  );
  assert.deepEqual(
    [...(planReload({ models: [listed('a')] }, foundOf(a), () => 'all').get('a') ?? [])],
    [1, 2],
  );
  assert.throws(
    () => planReload({ models: [listed('../a')] }, foundOf(a), () => undefined),
    /not a legal name/,
  );
});

test('beside what is served a model of the same directory keeps its policy, and one that moves does not', () => {
  const next = besides(OLD, FOUND).models.find(({ name }) => name === 'a');
  assert.equal(next?.configuration, undefined);
  const moved = besides(OLD, foundOf(model('a', [9], { directory: '/elsewhere' })));
  assert.equal(moved.models.find(({ name }) => name === 'a')?.directory, '/elsewhere');
});

test('where calls say what is loaded, a list by call is refused', async () => {
  await assert.rejects(NO_LISTS.reload(LIST, new Cancellation()), /Cannot transition to requested config/);
});
