import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Found } from '../../../gateway/repository/found.js';
import { found, scripted, tick } from './scripted-registry.js';

/** The same set, with other files. */
function changed(set: Found, fingerprint: string): Found {
  const models = set.models.map((model) => ({
    ...model,
    versions: model.versions.map((version) => ({ ...version, fingerprint })),
  }));
  return { ...set, models };
}

const ONE = found({ iris: [1] });

test('E87 replaced files are loaded beside the former copy and swapped in one step; who holds the former one ends on it', async () => {
  const { registry, trace, next, bringUp, states } = scripted();
  registry.aspire(ONE);
  await bringUp('iris/1');
  const early = registry.lease('iris', '1');
  registry.aspire(changed(ONE, 'b'));
  (await next('prepare', 'iris/1#1')).succeed();
  const load = await next('load', 'iris/1#1');
  const meanwhile = registry.lease('iris', '');
  assert.equal(meanwhile.manifest, early.manifest);
  assert.deepEqual(states(), ['iris/1 available']);
  load.succeed();
  await tick();
  const late = registry.lease('iris', '1');
  assert.equal(late.manifest.revision, 1);
  registry.retain(early.manifest)();
  early.release();
  early.release();
  await tick();
  assert.ok(!trace.includes('unload iris/1'));
  meanwhile.release();
  (await next('unload', 'iris/1')).succeed();
  await tick();
  assert.throws(() => registry.retain(early.manifest), /not loaded/);
  assert.deepEqual(states(), ['iris/1 available']);
  late.release();
});

test('E77 new files that fail to load leave the former copy, say why, and are tried again with back-off or when they change', async () => {
  const { registry, clock, pending, next, bringUp } = scripted({}, false, { retryFailed: true });
  registry.aspire(ONE);
  await bringUp('iris/1');
  registry.aspire(changed(ONE, 'bad'));
  for (const waitMs of [1000, 2000, 4000]) {
    (await next('prepare', 'iris/1#1')).fail('broken');
    await tick();
    assert.match(
      registry.list()[0]?.reason ?? '',
      /new files failed to load, the former copy is served: broken/,
    );
    assert.equal(registry.describe('iris', '').revision, undefined);
    clock.advance(waitMs - 1);
    await tick();
    assert.equal(pending.prepare.length, 0);
    clock.advance(1);
  }
  (await next('prepare', 'iris/1#1')).fail('broken');
  await tick();
  registry.aspire(changed(ONE, 'good'));
  await bringUp('iris/1#1');
  assert.deepEqual(registry.list(), [{ model: 'iris', version: 1, state: 'available', reason: '' }]);
  clock.advance(1_000_000);
  await tick();
  assert.equal(pending.prepare.length, 0);
});

test('what has failed and is tried again keeps its reason until it is known better', async () => {
  const { registry, clock, next } = scripted({}, false, { retryFailed: true });
  const told = (): string => registry.list().map(({ state, reason }) => `${state}: ${reason}`)[0] ?? '';
  registry.aspire(ONE);
  assert.equal(told(), 'loading: ');
  (await next('prepare', 'iris/1')).fail('broken');
  await tick();
  assert.match(told(), /^failed: .*broken/);
  clock.advance(1000);
  const again = await next('prepare', 'iris/1');
  assert.match(told(), /^loading: .*broken/);
  again.succeed();
  await tick();
  assert.match(told(), /^warming: .*broken/);
  (await next('load', 'iris/1')).succeed();
  await tick();
  assert.equal(told(), 'available: ');
});

test('the former version stays loaded, is called by its number only, and is back without a load', async () => {
  const { registry, trace, next, bringUp, states } = scripted({}, false, { keepPrevious: 1 });
  registry.aspire(found({ iris: [1] }));
  await bringUp('iris/1');
  registry.aspire(found({ iris: [1, 2] }));
  await bringUp('iris/2');
  assert.deepEqual(states(), ['iris/1 available', 'iris/2 available']);
  assert.match(registry.list()[0]?.reason ?? '', /^kept/);
  assert.equal(registry.describe('iris', '').version, 2);
  assert.equal(registry.describe('iris', '1').version, 1);
  registry.aspire(found({ iris: [1, 2, 3] }));
  (await next('prepare', 'iris/3')).succeed();
  await tick();
  assert.ok(!trace.some((line) => line.startsWith('unload')), 'nothing goes before the successor is there');
  (await next('load', 'iris/3')).succeed();
  (await next('unload', 'iris/1')).succeed();
  await tick();
  assert.deepEqual(states(), ['iris/1 unloaded', 'iris/2 available', 'iris/3 available']);
  const loads = trace.length;
  registry.aspire(found({ iris: [1, 2] }));
  assert.equal(registry.describe('iris', '').version, 2);
  (await next('unload', 'iris/3')).succeed();
  await tick();
  assert.deepEqual(trace.slice(loads), ['unload iris/3']);
});

test('E78 files that are replaced while they are loaded are not served: the former copy is', async () => {
  let same = true;
  const { registry, next, bringUp } = scripted({}, false, { unchanged: () => Promise.resolve(same) });
  registry.aspire(ONE);
  await bringUp('iris/1');
  same = false;
  registry.aspire(changed(ONE, 'b'));
  await bringUp('iris/1#1');
  (await next('unload', 'iris/1#1')).succeed();
  await tick();
  assert.equal(registry.describe('iris', '').revision, undefined);
  assert.match(registry.list()[0]?.reason ?? '', /its files were replaced meanwhile/);
});

test('who waits for the end of loads waits together, hears how they ended, and is not left waiting by a close', async () => {
  const { registry, next } = scripted();
  registry.aspire(ONE);
  const first = registry.outcome('iris');
  assert.equal(registry.outcome('iris'), first, 'callers who went away leave nothing behind');
  (await next('prepare', 'iris/1')).fail('broken');
  assert.deepEqual(await first, [{ version: 1, failure: 'broken' }]);
  assert.deepEqual(await registry.outcome('nobody'), []);
  const again = registry.outcome('iris');
  await next('prepare', 'iris/1');
  registry.close();
  assert.deepEqual(await again, []);
  assert.deepEqual(await registry.outcome('iris'), []);
});

test('E87 a model that is unloaded while its new files are on their way takes no call from then on', async () => {
  const { registry, next, bringUp, states } = scripted();
  registry.aspire(ONE);
  await bringUp('iris/1');
  registry.aspire(changed(ONE, 'b'));
  const prepare = await next('prepare', 'iris/1#1');
  const models = ONE.models.map((model) => ({ ...model, unasked: true as const }));
  registry.aspire({ ...ONE, models });
  assert.throws(() => registry.lease('iris', ''), { code: 'UNAVAILABLE' });
  assert.throws(() => registry.lease('iris', '1'), { code: 'UNAVAILABLE' });
  prepare.succeed();
  (await next('unload', 'iris/1')).succeed();
  await tick();
  assert.deepEqual(states(), ['iris/1 unloaded']);
});
