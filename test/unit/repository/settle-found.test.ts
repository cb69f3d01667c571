import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Found, Problem } from '../../../gateway/repository/found.js';
import { settleFound } from '../../../gateway/repository/settle-found.js';

/** A look: `iris/1` with a fingerprint each. */
function look(
  versions: Readonly<Record<string, string>>,
  rest: Partial<Pick<Found, 'problems' | 'unusable' | 'present'>> = {},
): Found {
  const names = [...new Set(Object.keys(versions).map((key) => key.split('/')[0] as string))];
  const models = names.map((name) => ({
    name,
    repository: '/repo',
    versions: Object.entries(versions)
      .filter(([key]) => key.startsWith(`${name}/`))
      .map(([key, fingerprint]) => ({
        version: Number(key.split('/')[1]),
        modelPath: `/repo/${key}/model.onnx`,
        bytes: 1,
        modifiedMs: 1,
        fingerprint,
      })),
  }));
  return { models, problems: [], unusable: [], ...rest };
}

/** `iris/1 a`, with its flaw where it has one. */
function taken({ models }: Found): string[] {
  return models.flatMap(({ name, versions }) =>
    versions.map(({ version, fingerprint, flaw }) =>
      [`${name}/${version} ${fingerprint}`, flaw].join(' ').trim(),
    ),
  );
}

const ONE = look({ 'iris/1': 'a' });
const BROKEN: Problem = { model: 'iris', version: 1, reason: 'no model.onnx' };

test('E78 what changes between two looks is not taken; what came to rest is', () => {
  const half = look({ 'iris/1': 'a', 'iris/2': 'half' });
  const whole = look({ 'iris/1': 'a', 'iris/2': 'whole' });
  for (const [now, before, expected, moving] of [
    [half, ONE, ['iris/1 a'], true],
    [whole, half, ['iris/1 a'], true],
    [whole, whole, ['iris/1 a', 'iris/2 whole'], false],
    [look({ 'iris/1': 'b' }), ONE, ['iris/1 a'], true],
    [look({ 'iris/1': 'b' }), look({ 'iris/1': 'b' }), ['iris/1 b'], false],
    [ONE, ONE, ['iris/1 a'], false],
  ] as const) {
    const settled = settleFound(now, before, ONE);
    assert.deepEqual([taken(settled.found), settled.moving], [expected, moving]);
  }
});

test('a model that is still being copied for the first time is not taken, and stops no other', () => {
  const settled = settleFound(look({ 'iris/1': 'a', 'new/1': 'x' }), ONE, ONE);
  assert.deepEqual([taken(settled.found), settled.moving], [['iris/1 a'], true]);
});

test('a version is given up when it was gone twice and another is there; the last one stays, and is flagged', () => {
  const two = look({ 'iris/1': 'a', 'iris/2': 'b' });
  assert.deepEqual(taken(settleFound(ONE, two, two).found), ['iris/1 a', 'iris/2 b']);
  assert.deepEqual(taken(settleFound(ONE, ONE, two).found), ['iris/1 a']);
  const moved = look({ 'iris/2': 'b' });
  assert.deepEqual(taken(settleFound(moved, ONE, ONE).found), ['iris/1 a']);
  const emptied = look({}, { present: new Set(['iris']) });
  assert.deepEqual(taken(settleFound(emptied, emptied, ONE).found), [
    'iris/1 a its directory holds no version any more',
  ]);
});

test('E83 what cannot be read or served any more stays as it was, and says why', () => {
  const cases: [Partial<Found>, string][] = [
    [{ unusable: [{ repository: '/repo', reason: 'input/output error' }] }, 'its repository cannot be read'],
    [{ problems: [BROKEN] }, 'no model.onnx'],
    [{ problems: [{ ...BROKEN, version: 0, reason: 'bad config.pbtxt' }] }, 'bad config.pbtxt'],
  ];
  for (const [rest, flaw] of cases) {
    const now = look({}, rest);
    assert.deepEqual(taken(settleFound(now, now, ONE).found), [`iris/1 a ${flaw}`]);
  }
});

test('a model whose directory is gone over two looks is given up', () => {
  const gone = look({});
  const first = settleFound(gone, ONE, ONE);
  assert.deepEqual([taken(first.found), first.moving], [['iris/1 a'], true]);
  assert.deepEqual(taken(settleFound(gone, gone, ONE).found), []);
});

test('a problem is told when two looks have seen it', () => {
  const broken = look({}, { problems: [BROKEN] });
  assert.deepEqual(settleFound(broken, look({}), look({})).found.problems, []);
  assert.deepEqual(settleFound(broken, broken, look({})).found.problems, [BROKEN]);
});
