import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelMetadata } from '../../../client/metadata.js';
import { MetadataCache } from '../../../client/metadata-cache.js';

function setUp(capacity = 256) {
  const state = { now: 0, fetched: [] as string[], fail: false };
  const cache = new MetadataCache({
    fetch: async (name, version): Promise<ModelMetadata> => {
      state.fetched.push(`${name}/${version}`);
      if (state.fail) throw new Error('down');
      return { name, versions: [version], platform: '', inputs: [], outputs: [] };
    },
    now: () => state.now,
    capacity,
  });
  return { state, cache };
}

test('callers that come together share one fetch, and later ones its result', async () => {
  const { state, cache } = setUp();
  const [a, b] = await Promise.all([cache.get('iris', ''), cache.get('iris', '')]);
  assert.equal(a, b);
  assert.equal(await cache.get('iris', ''), a);
  await cache.get('iris', '2');
  assert.deepEqual(state.fetched, ['iris/', 'iris/2']);
});

test('what somebody else has asked for replaces what is known', async () => {
  const { state, cache } = setUp(1);
  await cache.get('iris', '');
  const newer = { name: 'iris', versions: ['3'], platform: '', inputs: [], outputs: [] };
  cache.learn('iris', '', newer);
  assert.equal(await cache.get('iris', ''), newer);
  cache.learn('other', '', newer);
  await cache.get('iris', '');
  assert.deepEqual(state.fetched, ['iris/', 'iris/']);
});

test('a failure is not kept', async () => {
  const { state, cache } = setUp();
  state.fail = true;
  await assert.rejects(cache.get('iris', ''), /down/);
  state.fail = false;
  assert.equal((await cache.get('iris', '')).name, 'iris');
  assert.equal(state.fetched.length, 2);
});

test('the entry that was used longest ago gives way', async () => {
  const { state, cache } = setUp(2);
  await cache.get('a', '');
  await cache.get('b', '');
  await cache.get('a', '');
  await cache.get('c', '');
  state.fetched.length = 0;
  await cache.get('a', '');
  await cache.get('c', '');
  assert.deepEqual(state.fetched, []);
  await cache.get('b', '');
  assert.deepEqual(state.fetched, ['b/']);
});

test('an entry is forgotten only once it is old enough to be out of date', async () => {
  const { state, cache } = setUp();
  await cache.get('iris', '');
  state.now = 999;
  assert.equal(cache.forget('iris', ''), false);
  state.now = 1000;
  assert.equal(cache.forget('iris', ''), true);
  await cache.get('iris', '');
  assert.equal(state.fetched.length, 2);
});

test('another version answering ends an entry', async () => {
  const { state, cache } = setUp();
  await cache.get('iris', '');
  cache.answered('iris', '', '1');
  cache.answered('iris', '', '1');
  await cache.get('iris', '');
  assert.equal(state.fetched.length, 1);
  cache.answered('iris', '', '2');
  await cache.get('iris', '');
  assert.equal(state.fetched.length, 2);
});
