import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TraceKeeper } from '../../../../gateway/telemetry/trace-control.js';
import { ratioOf, Sampler, type SamplerName } from '../../../../gateway/telemetry/tracing/sampler.js';
import type { TraceContext } from '../../../../gateway/telemetry/tracing/trace-context.js';

function parent(sampled: boolean, traceId = 'a'.repeat(32)): TraceContext {
  return { traceId, spanId: 'b'.repeat(16), sampled, state: '' };
}

/** A sampler whose draws are 0, 0.01, … 0.99, and its settings. */
function sampling(sampler: SamplerName, ratio: number): { sampler: Sampler; keeper: TraceKeeper } {
  let draws = 0;
  const keeper = new TraceKeeper((model) => made.changed(model), {
    level: ['TIMESTAMPS'],
    rate: Math.round(1 / ratioOf(sampler, ratio)),
    ...{ count: -1, logFrequency: 0, mode: 'opentelemetry' },
  });
  const made: Sampler = new Sampler({
    ...{ sampler, ratio },
    read: (model) => keeper.read(model),
    random: () => (draws++ % 100) / 100,
  });
  return { sampler: made, keeper };
}

function sampledOf100(sampler: Sampler, model = 'm', of?: TraceContext): number {
  let sampled = 0;
  for (let i = 0; i < 100; i++) if (sampler.wants(model, of)) sampled++;
  return sampled;
}

test('without a client that has decided, the share that is asked for', () => {
  for (const [name, ratio, expected] of [
    ['always_on', 0.5, 100],
    ['always_off', 0.5, 0],
    ['traceidratio', 0.3, 30],
    ['traceidratio', 0, 0],
    ['traceidratio', 1, 100],
    ['parentbased_traceidratio', 0.01, 1],
    ['parentbased_always_on', 0, 100],
    ['parentbased_always_off', 1, 0],
  ] as const)
    assert.equal(sampledOf100(sampling(name, ratio).sampler), expected, `${name} ${ratio}`);
});

test('what is based on the parent does as it does; what is not, by the trace', () => {
  assert.equal(sampledOf100(sampling('parentbased_always_off', 0).sampler, 'm', parent(true)), 100);
  assert.equal(sampledOf100(sampling('parentbased_always_on', 1).sampler, 'm', parent(false)), 0);
  assert.equal(sampledOf100(sampling('always_on', 1).sampler, 'm', parent(false)), 100);
  const half = sampling('traceidratio', 0.5).sampler;
  assert.equal(sampledOf100(half, 'm', parent(false, `${'0'.repeat(19)}${'f'.repeat(13)}`)), 100);
  assert.equal(sampledOf100(half, 'm', parent(true, `${'f'.repeat(19)}${'0'.repeat(13)}`)), 0);
});

test('TraceSetting changes rate, level and count while it runs, for the server and for a model', () => {
  const { sampler, keeper } = sampling('parentbased_traceidratio', 0.5);
  assert.equal(sampledOf100(sampler), 50);
  keeper.change(undefined, { rate: 10 });
  assert.equal(sampledOf100(sampler), 10);
  keeper.change('m', { rate: 1 });
  assert.deepEqual([sampledOf100(sampler), sampledOf100(sampler, 'other')], [100, 10]);
  keeper.change(undefined, { level: [] });
  assert.deepEqual([sampledOf100(sampler), sampler.active, sampler.on('m')], [0, false, false]);
  keeper.change('m', { level: ['TIMESTAMPS'] });
  assert.deepEqual([sampler.active, sampler.on('m'), sampler.on('other')], [true, true, false]);
  assert.deepEqual([sampledOf100(sampler), sampledOf100(sampler, 'other')], [100, 0]);
  keeper.change('m', { count: 7 });
  assert.equal(sampledOf100(sampler), 7);
  keeper.change('m', { count: undefined, rate: undefined, level: undefined });
  keeper.change(undefined, { level: undefined, rate: undefined });
  assert.equal(sampledOf100(sampler), 50);
  keeper.change(undefined, { rate: 0 });
  assert.equal(sampledOf100(sampler), 0);
});
