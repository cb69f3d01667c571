/** Whatever a model's `dynamic_batching` says and whatever comes: nothing is lost, kept waiting or out of order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BY_DEADLINE, FIFO } from '../../../gateway/batching/batcher-options.js';
import { PacedRig, policy, scheduled } from './paced-rig.js';
import { NOTHING_LEFT, type Pending } from './rig.js';

const MAX_ROWS = 8;
/** An expiry is seen at the wheel's next tick. */
const TICK_MS = 5;
const STEP_MS = 10;

const limits = fc
  .record({
    timeoutAction: fc.constantFrom('reject' as const, 'delay' as const),
    defaultTimeoutMs: fc.constantFrom(undefined, 20, 120),
    allowTimeoutOverride: fc.boolean(),
    maxQueueSize: fc.constantFrom(undefined, undefined, 3),
  })
  // Absent, not undefined: as a configuration has it.
  .map((of) => policy(JSON.parse(JSON.stringify(of))));

const scheduling = fc.record({
  preferredBatchSizes: fc.subarray([2, 3, 4, 6, 8]),
  maxQueueDelayMs: fc.constantFrom(0, 40, 200),
  preserveOrdering: fc.boolean(),
  priorityLevels: fc.constantFrom(0, 2),
  defaultQueuePolicy: limits,
  queuePolicies: fc.oneof(
    fc.constant({}),
    limits.map((of) => ({ 1: of })),
  ),
});

const request = fc.record({
  afterMs: fc.constantFrom(0, 0, 0, 10, 30, 70),
  rows: fc.constantFrom(1, 1, 1, 2, 3, 5, MAX_ROWS),
  width: fc.constantFrom(1, 1, 1, 2),
  inMs: fc.constantFrom(undefined, undefined, 15, 90, 400),
  timeout: fc.constantFrom(0, 0, 50_000, 300_000),
  priority: fc.constantFrom(0, 1, 2, 9),
  cancelled: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

/** What a request may end with. */
const ENDS = new Set(['OK', 'DEADLINE_EXCEEDED', 'UNAVAILABLE', 'CANCELLED']);

test('whatever dynamic_batching says: all requests end once, in order where that is asked, and none waits beyond the delay of an idle worker', async () => {
  await fc.assert(
    fc.asyncProperty(
      scheduling,
      fc.array(request, { minLength: 1, maxLength: 25 }),
      fc.constantFrom([0], [0], [30], [100, 20]),
      fc.constantFrom(BY_DEADLINE, FIFO),
      async (of, requests, runMs, scheduler) => {
        const rig = new PacedRig(runMs, { scheduler });
        const manifest = scheduled(
          { ...of, defaultPriorityLevel: of.priorityLevels },
          { maxBatchSize: MAX_ROWS },
        );
        const endedAt = new Map<Pending, number>();
        const sentAt = new Map<Pending, number>();
        const start = rig.clock.now();
        const step = async (untilMs: number): Promise<void> => {
          for (let at = rig.clock.now() - start; at < untilMs; at += STEP_MS) {
            await rig.until(at + STEP_MS);
            for (const sent of rig.sent)
              if (sent.settlements > 0 && !endedAt.has(sent)) endedAt.set(sent, rig.clock.now());
          }
        };
        let now = 0;
        for (const [
          index,
          { afterMs, rows, width, inMs, timeout, priority, cancelled },
        ] of requests.entries()) {
          now += afterMs;
          await step(now);
          const pending = rig.send({
            manifest,
            rows: Array(rows).fill(Array(width).fill(index)),
            parameters: { timeout: BigInt(timeout), priority: BigInt(priority) },
            ...(inMs === undefined ? {} : { inMs }),
          });
          sentAt.set(pending, rig.clock.now());
          if (cancelled) rig.sent[index >> 1]?.cancellation.cancel();
        }
        await step(now + 4000);
        for (const [index, pending] of rig.sent.entries()) {
          assert.ok(ENDS.has(pending.state), `${index}: ${pending.state} ${pending.error?.message}`);
          if (pending.state !== 'OK') continue;
          const { rows, width } = requests[index] as (typeof requests)[0];
          assert.deepEqual(pending.answer, Array(rows * width).fill(index));
          const waitedMs = (endedAt.get(pending) as number) - (sentAt.get(pending) as number);
          if (runMs[0] === 0) assert.ok(waitedMs <= of.maxQueueDelayMs + STEP_MS, `${index}: ${waitedMs} ms`);
        }
        for (const rows of Object.keys(rig.counts)) assert.ok(Number(rows) <= MAX_ROWS);
        if (of.preserveOrdering) {
          const answered = rig.left.filter((index) => rig.sent[index]?.state === 'OK');
          assert.deepEqual(
            answered,
            [...answered].sort((a, b) => a - b),
          );
        }
        await rig.until(now + 5000 + TICK_MS);
        assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
      },
    ),
    { numRuns: 200 },
  );
});
