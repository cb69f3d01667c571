/** Many loads at once on the admin listener: they are bounded, more are refused in words, other calls have room, and none is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminClient } from '../../client/admin.js';
import { ask, inferenceClient } from '../support/grpc-services.js';
import { addModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const OPEN = 200;

test('200 loads may be open: more are refused with what is wrong, a label can be moved beside them, and all that were taken are answered', async (t) => {
  const slow = Buffer.from(JSON.stringify({ loadMs: 1500 }));
  const repository = makeRepository(t, { 'slow/1/model.wait.json': slow, 'add/1/model.onnx': addModel(1) });
  const { gateway, adminAddress } = await useGateway(t, {
    modelRepository: [repository],
    modelControlMode: 'explicit',
    workers: { count: 1, enableWaitingRuntime: true },
  });
  const admin = inferenceClient(Number(adminAddress.split(':')[1]));
  t.after(() => admin.close());
  const load = (name: string) => ask(admin, 'RepositoryModelLoad', { model_name: name, parameters: {} });
  await load('add');
  const calls = Array.from({ length: OPEN + 30 }, () => load('slow').catch((error: Error) => error));
  await Promise.any(calls.map((call) => call.then((end) => assert.ok(end instanceof Error))));
  const labels = new AdminClient({ address: adminAddress });
  t.after(() => labels.close());
  await labels.label({ model: 'add', label: 'stable', version: 1 });
  assert.deepEqual(gateway.catalog.available('slow'), [], 'the loads are open still');
  const ends = await Promise.all(calls);
  const refused = ends.filter((end) => end instanceof Error) as (Error & { code: number })[];
  assert.deepEqual([ends.length - refused.length, refused.length], [OPEN, 30]);
  for (const { code, message } of refused) {
    assert.equal(code, 14);
    assert.match(message, /200 loads and unloads wait already: try again/);
  }
  assert.deepEqual(gateway.catalog.available('slow'), [1]);
  await load('add');
});
