import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../../gateway/core/deferred.js';
import { GatewayError } from '../../../gateway/core/error.js';
import { type AskedModels, ExplicitControl } from '../../../gateway/repository/explicit-control.js';
import type { Found } from '../../../gateway/repository/found.js';

const version = { version: 1, modelPath: '/m', bytes: 1, modifiedMs: 1 };

test('200 loads and unloads wait for their turn; more are refused at once, in words, and those that waited all get theirs', async () => {
  const gate = deferred<void>();
  const aspired: string[][] = [];
  const control = new ExplicitControl({
    models: [],
    look: async ({ models }: AskedModels): Promise<Found> => {
      await gate.promise;
      const found = [...models].map((name) => ({ name, repository: '/r', versions: [version] }));
      return { models: found, problems: [], unusable: [] };
    },
    aspire: ({ models }) => void aspired.push(models.map(({ name }) => name)),
    outcome: async () => [{ version: 1, failure: undefined }],
    directoryOf: () => '/none',
    allowFiles: false,
  });
  const load = (i: number) => control.load({ model: `m${i}`, config: undefined, files: new Map() });
  const calls = Array.from({ length: 250 }, (_, i) => (i === 199 ? control.unload('m0') : load(i)));
  const refused = await Promise.allSettled(calls.slice(200));
  for (const call of refused) {
    assert.ok(call.status === 'rejected' && call.reason instanceof GatewayError);
    const { code, message, details } = call.reason;
    assert.deepEqual([code, details.reason, details.retryAfterMs], ['UNAVAILABLE', 'queue_full', 1000]);
    assert.equal(message, '200 loads and unloads wait already: try again');
  }
  gate.resolve();
  await Promise.all(calls.slice(0, 200));
  assert.equal(aspired.length, 200);
  assert.deepEqual(
    aspired.at(-1),
    Array.from({ length: 198 }, (_, i) => `m${i + 1}`),
  );
  await load(0);
});
