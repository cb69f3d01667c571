import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import { threadChannels } from '../../gateway/pool/thread-channel.js';
import { addModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const MACHINE = { cores: 2, coresSource: 'the test', memoryBytes: 2 ** 31, memorySource: 'the test' };

test('workers that die in the middle of runs cost no answer: each batch runs on another, each call is answered once', async (t) => {
  let dropped = 0;
  const { gateway, address } = await useGateway(
    t,
    { modelRepository: [makeRepository(t, { 'add/1/model.onnx': addModel(1) })] },
    {
      machine: MACHINE,
      openChannel: threadChannels({
        clock: systemClock,
        recorder: { dropped: () => dropped++ },
        intraOpThreads: 1,
        workerUrl: new URL('../support/mortal-worker.js', import.meta.url),
      }),
    },
  );
  const client = createClient({ address });
  t.after(() => client.close());
  const add = client.model('add');
  let answered = 0;
  // One after the other on each of three lanes, so that batches stay small and many workers die.
  const lane = async (first: number): Promise<void> => {
    for (let i = first; i < first + 20; i++) {
      const { outputs } = await add.predict({ X: [[i, i, i, i]] }, { deadlineMs: 10_000 });
      assert.deepEqual(Object.values(outputs)[0]?.data, [[i + 1, i + 1, i + 1, i + 1]]);
      answered++;
    }
  };
  await Promise.all([lane(0), lane(1000), lane(2000)]);
  assert.equal(answered, 60);
  const restarts = gateway.pool.status().reduce((sum, slot) => sum + slot.restarts, 0);
  assert.ok(restarts >= 3, `only ${restarts} workers were replaced`);
  assert.equal(dropped, 0);
});
