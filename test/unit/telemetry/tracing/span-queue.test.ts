import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanData } from '../../../../gateway/telemetry/tracing/span.js';
import {
  type SpanExporter,
  SpanQueue,
  type SpanQueueOptions,
} from '../../../../gateway/telemetry/tracing/span-queue.js';
import { FakeClock } from '../../../support/fake-clock.js';

const IDENTITY = { traceId: 'a', spanId: 'b', parentSpanId: '', remoteParent: false, state: '' };
const SPAN = new SpanData('s', 'internal', IDENTITY, 0, 1, undefined, {}, []);

interface Rig {
  readonly clock: FakeClock;
  readonly queue: SpanQueue;
  readonly exporter: SpanExporter;
  /** Sizes of the exports so far. */
  readonly sizes: number[];
  /** Ends the export that runs. */
  answer(failure?: unknown): void;
  readonly failures: unknown[];
}

function rig(options: Partial<SpanQueueOptions> = {}): Rig {
  const clock = new FakeClock();
  const sizes: number[] = [];
  const failures: unknown[] = [];
  let done: (failure: unknown) => void = () => {};
  const queue = new SpanQueue({
    clock,
    ...{ maxSpans: 10, maxExport: 4, delayMs: 100, exportTimeoutMs: 1000 },
    onFailure: (failure) => failures.push(failure),
    ...options,
  });
  const exporter: SpanExporter = {
    export: (spans, end) => {
      sizes.push(spans.length);
      done = end;
    },
    shutdown: () => Promise.resolve(),
  };
  return { clock, queue, exporter, sizes, answer: (failure) => done(failure), failures };
}

function add(queue: SpanQueue, spans: number): void {
  for (let i = 0; i < spans; i++) queue.add(SPAN);
}

test('spans wait for others, but not long; a full export does not wait, and is never made within add', () => {
  const { clock, queue, exporter, sizes, answer } = rig();
  queue.open(exporter);
  add(queue, 2);
  clock.advance(99);
  assert.deepEqual(sizes, []);
  clock.advance(1);
  assert.deepEqual(sizes, [2]);
  answer();
  add(queue, 4);
  assert.deepEqual(sizes, [2]);
  clock.advance(0);
  assert.deepEqual(sizes, [2, 4]);
});

test('H106 one export at a time, so many spans and no more: the others are dropped and counted', () => {
  const { clock, queue, exporter, sizes, answer, failures } = rig();
  queue.open(exporter);
  add(queue, 4);
  clock.advance(0);
  add(queue, 15);
  assert.ok(queue.full);
  clock.advance(500);
  assert.deepEqual(sizes, [4]);
  assert.deepEqual(queue.counts, { exported: 0, dropped: 5, failed: 0 });
  // It hangs: its time is over, and the next is tried.
  clock.advance(500);
  clock.advance(0);
  assert.deepEqual(sizes, [4, 4]);
  assert.equal(failures.length, 1);
  // What it answers late changes nothing.
  answer();
  answer();
  assert.deepEqual(queue.counts, { exported: 4, dropped: 5, failed: 4 });
});

test('an exporter that throws is one that fails', () => {
  const { clock, queue, failures } = rig();
  queue.open({
    export: () => {
      throw new Error('no');
    },
    shutdown: () => Promise.resolve(),
  });
  add(queue, 4);
  clock.advance(0);
  assert.deepEqual(queue.counts, { exported: 0, dropped: 0, failed: 4 });
  assert.equal(failures.length, 1);
});

test('before there is an exporter spans wait, within the bound', () => {
  const { clock, queue, exporter, sizes } = rig();
  add(queue, 12);
  clock.advance(1000);
  assert.equal(queue.counts.dropped, 2);
  queue.open(exporter);
  clock.advance(0);
  assert.deepEqual(sizes, [4]);
});

test('closing sends what waits, takes nothing more, and leaves no timer', async () => {
  const { clock, queue, exporter, sizes, answer } = rig();
  queue.open(exporter);
  add(queue, 9);
  const closed = queue.close(5000);
  for (let i = 0; i < 3; i++) {
    await new Promise((r) => setImmediate(r));
    answer();
  }
  await closed;
  assert.deepEqual(sizes, [4, 4, 1]);
  queue.add(SPAN);
  assert.deepEqual(queue.counts, { exported: 9, dropped: 1, failed: 0 });
  assert.equal(clock.pendingTimers, 0);
});

test('closing waits for a collector that hangs no longer than it may', async () => {
  const { clock, queue, exporter } = rig();
  queue.open(exporter);
  add(queue, 9);
  let over = false;
  const closed = queue.close(300).then(() => {
    over = true;
  });
  await new Promise((r) => setImmediate(r));
  clock.advance(299);
  await new Promise((r) => setImmediate(r));
  assert.equal(over, false);
  clock.advance(1);
  await closed;
  assert.equal(queue.counts.dropped, 5);
});
