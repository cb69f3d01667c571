import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import { GatewayError } from '../../gateway/core/error.js';
import { threadChannels } from '../../gateway/pool/thread-channel.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { countedRuns } from '../support/counted-runs.js';
import { addModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';
import { inferDirectly, useWaiting } from '../support/waiting-server.js';

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

test('D62 a request that ends every worker that runs it: INTERNAL after two of them, the others in its batch are answered, and it is not run again', async (t) => {
  const { openChannel, runs } = countedRuns();
  const { gateway } = await useWaiting(t, { wait: { costMs: { fixed: 10 } } }, {}, { openChannel });
  const poison = commandOf('exit');
  gateway.batcher.hold();
  const values = [1, 2, 3, poison, 5, 6, 7, 8];
  const calls = values.map((first) => inferDirectly(gateway, 'wait', { first }));
  while (gateway.batcher.stats().entries < values.length) await new Promise((r) => setImmediate(r));
  gateway.batcher.release();
  const outcomes = await Promise.allSettled(calls);
  for (const [i, outcome] of outcomes.entries()) {
    if (values[i] === poison) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof GatewayError);
      assert.deepEqual([outcome.reason.code, outcome.reason.details.reason], ['INTERNAL', 'poison']);
    } else {
      assert.ok(
        outcome.status === 'fulfilled',
        `${values[i]}: ${outcome.status === 'rejected' && outcome.reason}`,
      );
      const [y] = outcome.value.outputs;
      assert.equal(
        new DataView(y?.data.buffer as ArrayBuffer, y?.data.byteOffset).getFloat32(0, true),
        values[i],
      );
    }
  }
  // Twice as a whole, then in halves: 8, 8, 4 + 4, 2 + 2, 1 + 1; one more that a worker had not begun when it ended.
  assert.ok(runs.length <= 10, `${runs.length} runs`);
  const before = runs.length;
  await assert.rejects(inferDirectly(gateway, 'wait', { first: poison }), { code: 'INTERNAL' });
  assert.equal(runs.length, before, 'the same input is refused without a run');
  await inferDirectly(gateway, 'wait', { first: 9 });
});

test('D63 threads that throw, exit or run out of heap, and runs that are refused, under load: only who asked for it fails', async (t) => {
  const { gateway } = await useWaiting(t, { wait: { costMs: { fixed: 5 }, maxBatchSize: 4 } });
  const endingOf = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'OK',
      ({ code, details }: GatewayError) => `${code} ${details.reason}`,
    );
  const endings = new Map<string, number>();
  let stop = false;
  const lane = async (): Promise<void> => {
    while (!stop) {
      const ending = await endingOf(inferDirectly(gateway, 'wait', { deadlineMs: 20_000 }));
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
  };
  const lanes = Array.from({ length: 6 }, lane);
  for (const kind of ['throw', 'reject', 'exit', 'allocate'] as const) {
    const killer = inferDirectly(gateway, 'wait', { first: commandOf(kind), deadlineMs: 20_000 });
    assert.equal(
      await endingOf(killer),
      kind === 'reject' ? 'INTERNAL model_error' : 'INTERNAL poison',
      kind,
    );
    assert.equal(await endingOf(inferDirectly(gateway, 'wait', { deadlineMs: 20_000 })), 'OK');
  }
  stop = true;
  await Promise.all(lanes);
  assert.deepEqual([...endings.keys()], ['OK']);
  const restarts = gateway.pool.status().reduce((sum, slot) => sum + slot.restarts, 0);
  assert.ok(restarts >= 6, `${restarts} workers were replaced, three requests end two each`);
  assert.equal(gateway.catalog.ready('wait', ''), true);
});
