/** The pure deciders of the repository, by tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VersionState, VersionStatus } from '../../../gateway/core/catalog.js';
import type { VersionPolicy } from '../../../gateway/core/model-configuration.js';
import { transition } from '../../../gateway/repository/model-state.js';
import { isModelName, parseVersion } from '../../../gateway/repository/names.js';
import { type ActualVersion, nextAction } from '../../../gateway/repository/next-action.js';
import { type ReadinessFacts, serverReadiness } from '../../../gateway/repository/readiness.js';
import { applyPolicy, describePolicy } from '../../../gateway/repository/version-policy.js';

test('version policy', () => {
  const rows: [string, number[], VersionPolicy, number[], number[]][] = [
    [
      'the latest one is the largest number, in whatever order they come',
      [2, 10, 1],
      { latest: 1 },
      [10],
      [],
    ],
    ['the latest two', [1, 2, 10], { latest: 2 }, [2, 10], []],
    ['more than there are is all there are', [1, 2], { latest: 5 }, [1, 2], []],
    ['none found, none wanted', [], { latest: 1 }, [], []],
    ['all', [3, 1, 2], 'all', [1, 2, 3], []],
    ['specific ones that are there', [1, 2, 3], { specific: [3, 1] }, [1, 3], []],
    ['a specific one that is not there is missing', [1, 2], { specific: [2, 9, 9] }, [2], [9]],
    ['specific none', [1, 2], { specific: [] }, [], []],
  ];
  for (const [sentence, found, policy, aspired, missing] of rows)
    assert.deepEqual(applyPolicy(found, policy), { aspired, missing }, sentence);
  assert.equal(describePolicy('all'), 'all');
  assert.equal(describePolicy({ latest: 2 }), 'latest 2');
  assert.equal(describePolicy({ specific: [1, 3] }), 'specific 1, 3');
});

test('model state: exactly the transitions of the design are legal, any other throws', () => {
  const legal = new Set([
    'discovered>loading',
    'loading>warming',
    'loading>failed',
    'loading>unloaded',
    'warming>available',
    'warming>failed',
    'warming>unloaded',
    'available>draining',
    'draining>unloaded',
    'draining>available',
    'unloaded>loading',
    'failed>loading',
    'failed>unloaded',
  ]);
  const states: VersionState[] = [
    'discovered',
    'loading',
    'warming',
    'available',
    'draining',
    'unloaded',
    'failed',
  ];
  for (const from of states) {
    for (const to of states) {
      if (legal.has(`${from}>${to}`)) assert.equal(transition(from, to), to);
      else assert.throws(() => transition(from, to), { code: 'INTERNAL' }, `${from} -> ${to}`);
    }
  }
});

const file = { bytes: 10, modifiedMs: 1 };

function actual(version: number, state: VersionState, over: Partial<ActualVersion> = {}): ActualVersion {
  return { version, state, tried: file, unloading: false, retryDue: false, ...over };
}

test('next action', () => {
  const rows: [string, number[], ActualVersion[], string][] = [
    ['a new version is loaded', [1], [], 'load 1'],
    ['one that was found but not wanted before, too', [1], [actual(1, 'discovered')], 'load 1'],
    ['the newest of several first', [1, 3, 2], [], 'load 3'],
    ['one at a time', [1, 2], [actual(2, 'loading')], '-'],
    ['warming counts as loading', [1, 2], [actual(2, 'warming')], '-'],
    ['then the next', [1, 2], [actual(2, 'available')], 'load 1'],
    ['a failed one does not stop the next', [1, 2], [actual(2, 'failed')], 'load 1'],
    ['all there: nothing', [1, 2], [actual(1, 'available'), actual(2, 'available')], '-'],
    ['failed stays failed while its file is the same', [1], [actual(1, 'failed')], '-'],
    [
      'failed is tried again when its file has changed',
      [1],
      [actual(1, 'failed', { tried: { bytes: 10, modifiedMs: 0 } })],
      'load 1',
    ],
    [
      'failed is tried again when its back-off says so',
      [1],
      [actual(1, 'failed', { retryDue: true })],
      'load 1',
    ],
    ['the old one stays while its successor loads', [2], [actual(1, 'available'), actual(2, 'loading')], '-'],
    [
      'the old one goes once its successor serves',
      [2],
      [actual(1, 'available'), actual(2, 'available')],
      'unload 1',
    ],
    [
      'the old one stays when its successor has failed',
      [2],
      [actual(1, 'available'), actual(2, 'failed')],
      '-',
    ],
    [
      'one of two successors serves and the other has failed: the old one goes',
      [2, 3],
      [actual(1, 'available'), actual(2, 'available'), actual(3, 'failed')],
      'unload 1',
    ],
    [
      'one of two successors is still to come: the old one stays',
      [2, 3],
      [actual(1, 'available'), actual(3, 'available')],
      'load 2',
    ],
    ['nothing is wanted: the model goes', [], [actual(1, 'available'), actual(2, 'available')], 'unload 1'],
    ['a failed one that is not wanted is forgotten', [], [actual(1, 'failed')], 'unload 1'],
    ['one that drains is not unloaded twice', [], [actual(1, 'draining')], '-'],
    ['one that is loading and not wanted ends by itself', [], [actual(1, 'loading')], '-'],
    ['wanted again while it drains: taken back', [1], [actual(1, 'draining')], 'restore 1'],
    ['but not when the workers let it go already', [1], [actual(1, 'draining', { unloading: true })], '-'],
    ['when it has gone, it is loaded', [1], [actual(1, 'unloaded')], 'load 1'],
  ];
  for (const [sentence, aspired, entries, expected] of rows) {
    const action = nextAction(
      aspired.map((version) => ({ version, ...file })),
      entries,
    );
    assert.equal(action === undefined ? '-' : `${action.kind} ${action.version}`, expected, sentence);
  }
});

test('server readiness', () => {
  const status = (model: string, state: VersionState, version = 1): VersionStatus => ({
    model,
    version,
    state,
    reason: '',
  });
  const good = status('good', 'available');
  const rows: [string, Partial<ReadinessFacts>, boolean | RegExp][] = [
    ['an empty repository is ready', { versions: [] }, true],
    ['loading at start is not', { settledOnce: false }, /still loading/],
    ['starting is not', { phase: 'starting' }, /starting/],
    ['draining is not', { phase: 'draining' }, /draining/],
    ['stopped is not', { phase: 'stopped' }, /stopped/],
    ['without a worker nothing can run', { workers: 0 }, /no worker/],
    ['a broken model nobody requires changes nothing', { versions: [good, status('bad', 'failed')] }, true],
    [
      'a required one that failed does',
      { versions: [good, status('bad', 'failed')], required: ['good', 'bad'] },
      /not available: bad$/,
    ],
    [
      'one that no worker can run changes nothing',
      { versions: [good, status('other', 'available')], served: (model) => model === 'good' },
      true,
    ],
    [
      'one that is required and that no worker can run does',
      { required: ['good'], served: () => false },
      /not available: good$/,
    ],
    ['a required one that was not found does', { required: ['absent'] }, /not available: absent/],
    [
      'a bad new version of a required model does not',
      { versions: [good, status('good', 'failed', 2)], required: ['good'] },
      true,
    ],
    [
      'strictly, every model is required',
      { versions: [good, status('bad', 'failed')], strict: true },
      /not available: bad/,
    ],
    [
      'strictly, a version left out by policy, unloaded or on its way out is not wanted',
      {
        versions: [good, status('a', 'discovered'), status('b', 'unloaded'), status('c', 'draining')],
        strict: true,
      },
      true,
    ],
    [
      'strictly, a new version on its way does not flip it',
      { versions: [good, status('good', 'loading', 2)], strict: true },
      true,
    ],
  ];
  for (const [sentence, facts, expected] of rows) {
    const readiness = serverReadiness({
      phase: 'serving',
      settledOnce: true,
      required: [],
      strict: false,
      versions: [good],
      served: () => true,
      workers: 2,
      ...facts,
    });
    assert.equal(readiness.ready, expected === true, sentence);
    if (expected instanceof RegExp) assert.match(readiness.reason, expected, sentence);
    else assert.equal(readiness.reason, '', sentence);
  }
});

test('E79 a version is a positive decimal integer without leading zeros, exact in JavaScript', () => {
  assert.equal(parseVersion('1'), 1);
  assert.equal(parseVersion('9007199254740991'), 2 ** 53 - 1);
  const wrong = ['', '0', '007', '1e3', '-1', '+1', '1.0', ' 1', '1\n', '0x1', 'v1', '١', '9007199254740992'];
  for (const name of [...wrong, '9223372036854775808', '9'.repeat(300)])
    assert.equal(parseVersion(name), undefined, JSON.stringify(name));
});

test('C45 a model name is plain, bounded ASCII', () => {
  for (const name of ['a', 'iris', 'Res-Net_50.v1', '1', 'a..b', 'x'.repeat(255)])
    assert.ok(isModelName(name), name);
  const wrong = [
    '',
    '.',
    '..',
    '.hidden',
    '-x',
    '_x',
    'a/b',
    '../a',
    'a\\b',
    'a\0',
    'a\n',
    'a b',
    'іris',
    'ｉris',
  ];
  for (const name of [...wrong, 'x'.repeat(256)]) assert.ok(!isModelName(name), JSON.stringify(name));
});
