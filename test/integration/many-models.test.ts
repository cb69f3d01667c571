import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/client.js';
import { addModel } from '../support/onnx-model.js';
import { sized } from '../support/sized.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const MODELS = sized({ usual: 250, full: 1000 });
/** What is promised of a thousand; they take a third of it on two cores that have nothing else to do. */
const MOST_MS = 60_000;

test(`a repository of ${MODELS} small models is ready within ${MOST_MS / 1000} s, and lists the broken one among them`, async (t) => {
  const files = Array.from({ length: MODELS }, (_, i): [string, Uint8Array] => [
    `m${i}/1/model.onnx`,
    i === 200 ? new TextEncoder().encode('not a model') : addModel(i),
  ]);
  const repository = makeRepository(t, Object.fromEntries(files));
  const startedAt = performance.now();
  const { gateway, address } = await useGateway(t, { modelRepository: [repository] });
  const readyMs = performance.now() - startedAt;
  t.diagnostic(`${MODELS} models ready in ${(readyMs / 1000).toFixed(1)} s (${gateway.plan.why})`);
  assert.ok(readyMs < MOST_MS, `${readyMs} ms`);
  assert.deepEqual(gateway.readiness(), { ready: true, reason: '' });

  const versions = gateway.catalog.list();
  assert.equal(versions.length, MODELS);
  const broken = versions.filter(({ state }) => state !== 'available');
  assert.deepEqual(
    broken.map(({ model, state }) => ({ model, state })),
    [{ model: 'm200', state: 'failed' }],
  );
  assert.match(broken[0]?.reason ?? '', /failed to load/);

  const client = createClient({ address });
  t.after(() => client.close());
  for (const i of [0, 199, 201, MODELS - 1]) {
    const { outputs } = await client.model(`m${i}`).predict({ X: [[0, 0, 0, 0]] });
    assert.deepEqual(outputs['Y']?.data, [[i, i, i, i]]);
  }
});
