import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { AllocationWatch, isAllocationFailure } from '../../../worker/allocation-watch.js';
import { MemoryGauge } from '../../../worker/memory-gauge.js';
import { SMALLEST_MODEL } from '../../../worker/warm-runtime.js';
import { identityModel } from '../../support/onnx-model.js';

/** A process that holds 100 bytes, whose peak is 500 until it is reset. */
function gauge(canReset: boolean) {
  const memory = { rss: 100, peak: 500 as number | undefined };
  const made = new MemoryGauge({
    rssBytes: () => memory.rss,
    resetPeak() {
      if (canReset) memory.peak = memory.rss;
      return canReset;
    },
    peakBytes: () => memory.peak,
  });
  return { memory, read: made.read.bind(made) };
}

test('a session takes what is more than before, and at least its weights', () => {
  const { memory, read } = gauge(true);
  memory.rss = 180;
  memory.peak = 250;
  assert.deepEqual(read(10), { sessionBytes: 80, peakBytes: 150 });
  assert.deepEqual(read(90), { sessionBytes: 90, peakBytes: 150 });
  memory.rss = 40;
  assert.deepEqual(read(300), { sessionBytes: 300, peakBytes: 300 });
});

test('a peak of what was before counts for nothing, where it cannot be reset or is not told', () => {
  const { memory, read } = gauge(false);
  memory.rss = 180;
  assert.deepEqual(read(0), { sessionBytes: 80, peakBytes: 80 });
  memory.peak = 501;
  assert.deepEqual(read(0), { sessionBytes: 80, peakBytes: 401 });
  memory.peak = undefined;
  assert.deepEqual(read(0), { sessionBytes: 80, peakBytes: 80 });
});

test('a run without memory is remembered, whatever its caller makes of it; another failure is not', async () => {
  for (const words of [
    'the model failed: Failed to allocate memory for requested buffer of size 3000000000',
    'the model failed: std::bad_alloc',
    'Array buffer allocation failed',
  ]) {
    let error = new GatewayError('INTERNAL', 'index out of range');
    const watch = new AllocationWatch({ run: () => Promise.reject(error) });
    await watch.run([], []).catch(() => {});
    watch.check();
    error = new GatewayError('INTERNAL', words);
    await assert.rejects(watch.run([], []), error);
    assert.throws(() => watch.check(), error);
    assert.ok(isAllocationFailure(error));
  }
  assert.ok(!isAllocationFailure('bad_alloc'));
});

test('the smallest model is an Identity of one number', () => {
  assert.deepEqual(Buffer.from(SMALLEST_MODEL), Buffer.from(identityModel('FP32', [1])));
});
