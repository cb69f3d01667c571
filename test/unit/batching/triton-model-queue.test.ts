/**
 * The scenarios of Triton's qa/L0_model_queue: sizes of queues, time limits of both kinds, priorities and how these combine. The
 * same configurations and requests; its sleeps are moves of a clock here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scheduling } from '../../../gateway/core/scheduling.js';
import { PacedRig, policy, type Sent, scheduled } from './paced-rig.js';
import { NOTHING_LEFT } from './rig.js';

const TIMED_OUT = 'UNAVAILABLE: Request timeout expired';
const TOO_MANY = 'UNAVAILABLE: Exceeds maximum queue size';

interface Case {
  /** Name there, without `test_`. */
  readonly triton: string;
  readonly shows: string;
  /** Beside preferred sizes of 4 and 8 and a delay of 10 s. */
  readonly scheduling: Partial<Scheduling>;
  readonly runMs?: number;
  readonly sent: readonly Sent[];
  readonly counts: Readonly<Record<number, number>>;
  /** Rows@ms of each batch. */
  readonly batches: readonly string[];
  /** By the number of the request; the others are answered. */
  readonly refused?: Readonly<Record<number, string>>;
}

const timeout = (us: number): Pick<Sent, 'parameters'> => ({ parameters: { timeout: BigInt(us) } });
const priority = (level: number | bigint, us = 0): Pick<Sent, 'parameters'> => ({
  parameters: { priority: BigInt(level), timeout: BigInt(us) },
});

/** Three requests, the first of which stands in the way of a batch of 4. */
const overtaken = (first: Partial<Sent> = {}): Sent[] => [
  { rows: 1, ...first },
  { at: 200, rows: 2 },
  { at: 200, rows: 2 },
];

const TWO_LEVELS = { priorityLevels: 2, defaultPriorityLevel: 2 };
const OVERRIDE = policy({ allowTimeoutOverride: true, defaultTimeoutMs: 1000 });

const CASES: Case[] = [
  {
    triton: 'max_queue_size',
    shows: 'of ten that come while a batch runs, the two beyond the size of the queue are refused',
    scheduling: { maxQueueDelayMs: 0, defaultQueuePolicy: policy({ maxQueueSize: 8 }) },
    runMs: 1000,
    sent: [{ rows: 8 }, ...Array<Sent>(10).fill({ at: 500, rows: 1 })],
    counts: { 8: 2 },
    batches: ['8@0', '8@1000'],
    refused: { 9: TOO_MANY, 10: TOO_MANY },
  },
  {
    triton: 'policy_delay',
    shows: 'one that has waited for its time makes way; it runs after its delay',
    scheduling: { defaultQueuePolicy: policy({ timeoutAction: 'delay', defaultTimeoutMs: 100 }) },
    sent: overtaken(),
    counts: { 1: 1, 4: 1 },
    batches: ['4@200', '1@10000'],
  },
  {
    triton: 'policy_reject',
    shows: 'one that has waited for its time is refused',
    scheduling: { defaultQueuePolicy: policy({ defaultTimeoutMs: 100 }) },
    sent: overtaken(),
    counts: { 4: 1 },
    batches: ['4@200'],
    refused: { 0: TIMED_OUT },
  },
  {
    triton: 'timeout_override (shorter)',
    shows: 'a request may wait for less than others',
    scheduling: { defaultQueuePolicy: OVERRIDE },
    sent: overtaken(timeout(100_000)),
    counts: { 4: 1 },
    batches: ['4@200'],
    refused: { 0: TIMED_OUT },
  },
  {
    triton: 'timeout_override (longer)',
    shows: 'a request may not wait for longer than others; as it goes, those behind it run',
    scheduling: { defaultQueuePolicy: OVERRIDE },
    sent: overtaken(timeout(10_000_000)),
    counts: { 4: 1 },
    batches: ['4@1000'],
    refused: { 0: TIMED_OUT },
  },
  {
    triton: 'timeout_override (none)',
    shows: 'a request that says nothing waits for the default',
    scheduling: { defaultQueuePolicy: OVERRIDE },
    sent: overtaken(),
    counts: { 4: 1 },
    batches: ['4@1000'],
    refused: { 0: TIMED_OUT },
  },
  {
    triton: 'priority_levels',
    shows: 'the more urgent goes first, and the first of the others completes its batch',
    scheduling: TWO_LEVELS,
    sent: [{ rows: 2 }, { at: 100, rows: 1 }, { at: 300, rows: 2, ...priority(1) }],
    counts: { 1: 1, 4: 1 },
    batches: ['4@300', '1@10100'],
  },
  {
    // There the model has 2^32 + 1 levels of which that is the default. Here a model has at most as many as a configuration
    // may name (see config-scheduling.ts); what a request asks for may be any number, and counts as the default.
    triton: 'max_priority_levels',
    shows: 'a level beyond all that there are is the default one',
    scheduling: TWO_LEVELS,
    sent: [{ rows: 2 }, { at: 100, rows: 1, ...priority(2n ** 32n) }, { at: 300, rows: 2, ...priority(1) }],
    counts: { 1: 1, 4: 1 },
    batches: ['4@300', '1@10100'],
  },
  {
    triton: 'priority_with_policy',
    shows:
      'each level by its own policy: what is delayed runs after its level, before the next; what is refused makes way',
    scheduling: {
      preferredBatchSizes: [4, 8, 32],
      ...TWO_LEVELS,
      defaultQueuePolicy: policy({
        timeoutAction: 'delay',
        allowTimeoutOverride: true,
        defaultTimeoutMs: 11_000,
      }),
      queuePolicies: { 2: policy({ allowTimeoutOverride: true, defaultTimeoutMs: 11_000 }) },
    },
    sent: [
      { at: 0, rows: 2, ...priority(1) },
      { at: 200, rows: 1, ...priority(1, 1_000_000) },
      { at: 400, rows: 2, ...priority(1) },
      { at: 600, rows: 2, ...priority(2, 2_000_000) },
      { at: 800, rows: 3, ...priority(2) },
      { at: 1000, rows: 6, ...priority(2) },
    ],
    counts: { 4: 2, 6: 1 },
    // At 1200 the short one of level 1 steps aside, at 2600 that of level 2 is refused.
    batches: ['4@1200', '4@2600', '6@11000'],
    refused: { 3: TIMED_OUT },
  },
];

for (const { triton, shows, runMs = 0, ...of } of CASES)
  test(`L0_model_queue ${triton}: ${shows}`, async () => {
    const rig = new PacedRig([runMs]);
    const scheduling = { preferredBatchSizes: [4, 8], maxQueueDelayMs: 10_000, ...of.scheduling };
    await rig.play(scheduled(scheduling, { maxBatchSize: 32 }), of.sent);
    assert.deepEqual(rig.began, of.batches);
    assert.deepEqual(rig.counts, of.counts);
    assert.deepEqual(
      rig.outcomes,
      of.sent.map((_, i) => of.refused?.[i] ?? 'OK'),
    );
    assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
  });
