/** What a dashboard made for Triton finds here, on a real server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scrape, scrapePage } from '../support/scrape.js';
import { inferDirectly, useWaiting } from '../support/waiting-server.js';

const MODELS = { wait: { costMs: { fixed: 10 }, maxBatchSize: 8 } };

test("--metrics-compat triton: Triton's counts and times of what was really run, and who waits now", async (t) => {
  const running = await useWaiting(t, MODELS, {
    metrics: { compat: 'triton' },
    workers: { count: 1 },
    queue: { maxQueueRows: 4 },
  });
  const { gateway } = running;
  const read = (name: string, more = '') =>
    scrape(running, `nv_inference_${name}{model="wait",version="1"${more}`);
  assert.equal(await read('request_success'), 0);
  gateway.batcher.hold();
  const calls = Array.from({ length: 5 }, () => inferDirectly(gateway, 'wait').catch(({ code }) => code));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await read('pending_request_count'), 4);
  gateway.batcher.release();
  const answers = await Promise.all(calls);
  assert.equal(answers.filter((answer) => answer === 'UNAVAILABLE').length, 1);
  assert.equal(await read('pending_request_count'), 0);
  assert.equal(await read('request_success'), 4);
  assert.equal(await read('request_failure', ',reason="REJECTED"'), 1);
  assert.equal(await read('request_failure'), 1);
  assert.equal(await read('count'), 4);
  assert.equal(await read('exec_count'), 1);
  const infer = await read('compute_infer_duration_us');
  assert.ok(infer >= 4 * 9000, `four requests in a run of 10 ms: ${infer} us`);
  const total = await read('request_duration_us');
  const queue = await read('queue_duration_us');
  assert.ok(queue > 0 && total >= infer + queue, `${total} us in all, ${queue} queued, ${infer} run`);
});

test('without it there is none of them', async (t) => {
  const running = await useWaiting(t, MODELS);
  assert.ok(!(await scrapePage(running)).includes('nv_'));
});
