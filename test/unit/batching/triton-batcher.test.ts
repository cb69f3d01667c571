/**
 * The scenarios of Triton's qa/L0_batcher: the same configurations and requests, and the batches that come of them. Its
 * sleeps are moves of a clock here, and its delayed scheduler is the batcher's hold.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scheduling } from '../../../gateway/core/scheduling.js';
import { PacedRig, type Sent, scheduled } from './paced-rig.js';
import { NOTHING_LEFT } from './rig.js';

/** Of most: batches of 2 or 6, or of whatever there is after 10 s; up to 8 rows. */
const BOTH: Partial<Scheduling> = { preferredBatchSizes: [2, 6], maxQueueDelayMs: 10_000 };
const PREFERRED_ONLY: Partial<Scheduling> = { preferredBatchSizes: [4, 6] };

interface Case {
  /** Name there, without `test_`. */
  readonly triton: string;
  readonly shows: string;
  readonly scheduling?: Partial<Scheduling>;
  readonly maxBatchSize?: number;
  readonly sent: readonly Sent[];
  /** Requests that wait before the first batch is formed. */
  readonly hold?: number;
  readonly runMs?: readonly number[];
  /** Triton's execution counts. */
  readonly counts: Readonly<Record<number, number>>;
  /** Rows@ms of each batch, and why it was closed. */
  readonly batches: readonly string[];
}

const one = (times: number, of: Partial<Sent> = {}): Sent[] => Array(times).fill({ rows: 1, ...of });

const ONE_REQUEST: Case[] = [
  {
    triton: 'static_batch_preferred',
    shows: 'a request of a preferred size runs at once',
    sent: [{ rows: 2 }, { rows: 6 }],
    counts: { 2: 1, 6: 1 },
    batches: ['2@0 preferred', '6@0 preferred'],
  },
  {
    triton: 'static_batch_lt_any_preferred',
    shows: 'one below all preferred sizes waits for the delay',
    sent: [{ rows: 1 }],
    counts: { 1: 1 },
    batches: ['1@10000 delay'],
  },
  {
    triton: 'static_batch_not_preferred',
    shows: 'one between preferred sizes waits for the delay',
    sent: [{ rows: 3 }],
    counts: { 3: 1 },
    batches: ['3@10000 delay'],
  },
  {
    triton: 'static_batch_gt_max_preferred',
    shows: 'one beyond all preferred sizes has nothing to wait for',
    sent: [{ rows: 7 }],
    counts: { 7: 1 },
    batches: ['7@0 preferred'],
  },
];

const SHAPES: Case[] = [
  {
    // There ragged inputs share a batch ({2: 1}). Here `allow_ragged_batch` is refused when a model is loaded, and
    // rows of different shapes never share one.
    triton: 'multi_batch_different_shape_allow_ragged',
    shows: 'rows of two shapes are two batches',
    sent: [
      { rows: 1, width: 16 },
      { rows: 1, width: 8 },
    ],
    counts: { 1: 2 },
    batches: ['1@10000 delay', '1@10000 delay'],
  },
  {
    // There a request of another shape closes the batch that is open. Here shapes wait apart: both keep their delay.
    triton: 'multi_batch_different_shape',
    shows: 'requests of two shapes wait apart, each for its own delay',
    sent: [
      { rows: 1, width: 16 },
      { at: 1000, rows: 1, width: 8 },
    ],
    counts: { 1: 2 },
    batches: ['1@10000 delay', '1@11000 delay'],
  },
  {
    // There the 4 rows run as the other shape arrives.
    triton: 'multi_batch_not_preferred_different_shape',
    shows: 'another shape adds nothing to a batch and closes none',
    sent: [
      { rows: 1, width: 16 },
      { rows: 3, width: 16 },
      { at: 1000, rows: 1, width: 8 },
    ],
    counts: { 1: 1, 4: 1 },
    batches: ['4@10000 delay', '1@11000 delay'],
  },
  {
    // There the 4 rows run as the other shape arrives.
    triton: 'multi_batch_preferred_different_shape',
    shows: 'a shape that comes to a preferred size runs, while another waits',
    sent: [
      { rows: 1, width: 16 },
      { rows: 3, width: 16 },
      { at: 1000, rows: 1, width: 8 },
      { at: 1000, rows: 5, width: 8 },
    ],
    counts: { 4: 1, 6: 1 },
    batches: ['6@1000 preferred', '4@10000 delay'],
  },
  {
    // There the 4 rows run first, for the sake of the other shape.
    triton: 'multi_batch_delayed_preferred_different_shape',
    shows: 'the same when all of them wait before the first batch is formed',
    sent: [
      { rows: 1, width: 16 },
      { rows: 3, width: 16 },
      { at: 1000, rows: 1, width: 8 },
      { at: 1000, rows: 5, width: 8 },
    ],
    hold: 4,
    counts: { 4: 1, 6: 1 },
    batches: ['6@1000 preferred', '4@10000 delay'],
  },
];

const SUMS: Case[] = [
  {
    triton: 'multi_batch_not_preferred',
    shows: 'two that come to no preferred size run together, after the delay of the first',
    sent: [{ rows: 1 }, { at: 1000, rows: 3 }],
    counts: { 4: 1 },
    batches: ['4@10000 delay'],
  },
  {
    triton: 'multi_batch_gt_max_preferred',
    shows: 'a batch that the next request does not fit runs at once, and that one too',
    sent: [{ rows: 3 }, { at: 1000, rows: 7 }],
    counts: { 3: 1, 7: 1 },
    batches: ['3@1000 full', '7@1000 preferred'],
  },
  {
    triton: 'multi_batch_sum_gt_max_preferred',
    shows: 'a batch that the next request takes beyond all preferred sizes runs without it',
    sent: [{ rows: 3 }, { at: 1000, rows: 4 }],
    counts: { 3: 1, 4: 1 },
    batches: ['3@1000 preferred', '4@11000 delay'],
  },
  {
    triton: 'multi_batch_delayed_sum_gt_max_preferred',
    shows: 'the same when both wait before the first batch is formed',
    sent: [{ rows: 3 }, { at: 1000, rows: 4 }],
    hold: 2,
    counts: { 3: 1, 4: 1 },
    batches: ['3@1000 preferred', '4@11000 delay'],
  },
  {
    triton: 'multi_batch_delayed_use_max_batch',
    shows: 'requests that have waited for their delay run with all that fits',
    sent: [{ rows: 3 }, { rows: 4 }, { at: 11_000, rows: 1 }],
    hold: 3,
    counts: { 8: 1 },
    batches: ['8@11000 full'],
  },
  {
    triton: 'multi_batch_use_biggest_preferred',
    shows: 'of several preferred sizes the largest is taken',
    sent: one(6),
    hold: 6,
    counts: { 6: 1 },
    batches: ['6@0 preferred'],
  },
  {
    triton: 'multi_batch_use_best_preferred',
    shows: 'what a preferred size leaves over waits for its own delay',
    sent: [{ rows: 1 }, { rows: 1 }, { at: 1000, rows: 1 }],
    hold: 3,
    counts: { 1: 1, 2: 1 },
    batches: ['2@1000 preferred', '1@11000 delay'],
  },
];

const OUTPUTS: Case[] = (
  [
    ['multi_same_output0', [['Y'], ['Y']]],
    ['multi_same_output1', [['Z'], ['Z']]],
    ['multi_different_outputs', [['Y'], ['Z']]],
    [
      'multi_different_output_order',
      [
        ['Y', 'Z'],
        ['Z', 'Y'],
      ],
    ],
  ] as const
).map(([triton, wanted]) => ({
  triton,
  shows: `requests that want ${wanted.map((outputs) => outputs.join(', ')).join(' and ')} share a batch, each gets what it wants`,
  sent: wanted.map((outputs) => ({ rows: 1, outputs })),
  counts: { 2: 1 },
  batches: ['2@0 preferred'],
}));

const ONE_SETTING: Case[] = [
  {
    triton: 'preferred_batch_only_aligned',
    shows: 'without a delay: a preferred size that is there',
    scheduling: PREFERRED_ONLY,
    sent: one(4),
    hold: 4,
    counts: { 4: 1 },
    batches: ['4@0 preferred'],
  },
  {
    triton: 'preferred_batch_only_unaligned',
    shows: 'without a delay: what a preferred size leaves over runs next',
    scheduling: PREFERRED_ONLY,
    sent: one(5),
    hold: 5,
    counts: { 1: 1, 4: 1 },
    batches: ['4@0 preferred', '1@0 idle'],
  },
  {
    triton: 'preferred_batch_only_use_biggest_preferred',
    shows: 'without a delay: the largest preferred size, then what is left',
    scheduling: PREFERRED_ONLY,
    sent: one(7),
    hold: 7,
    counts: { 1: 1, 6: 1 },
    batches: ['6@0 preferred', '1@0 idle'],
  },
  {
    triton: 'preferred_batch_only_use_no_preferred_size',
    shows: 'without a delay: what is there, where it comes to no preferred size',
    scheduling: PREFERRED_ONLY,
    sent: one(3),
    hold: 3,
    counts: { 3: 1 },
    batches: ['3@0 idle'],
  },
  {
    triton: 'max_queue_delay_only_non_default',
    shows: 'with a delay only: what comes within it is one batch',
    scheduling: { maxQueueDelayMs: 1000 },
    maxBatchSize: 32,
    sent: one(12).map((sent, i) => ({ ...sent, at: 10 * i })),
    counts: { 12: 1 },
    batches: ['12@1000 delay'],
  },
  {
    triton: 'max_queue_delay_only_default',
    shows: 'with neither: what comes first runs, and the others when it has',
    scheduling: {},
    maxBatchSize: 32,
    sent: one(12).map((sent, i) => ({ ...sent, at: 10 * i })),
    runMs: [200],
    counts: { 1: 1, 11: 1 },
    batches: ['1@0 idle', '11@200 idle'],
  },
];

for (const { triton, shows, ...of } of [...ONE_REQUEST, ...SHAPES, ...SUMS, ...OUTPUTS, ...ONE_SETTING])
  test(`L0_batcher ${triton}: ${shows}`, async () => {
    const rig = new PacedRig(of.runMs);
    const { maxBatchSize = 8, scheduling = BOTH } = of;
    await rig.play(scheduled(scheduling, { maxBatchSize }), of.sent, of.hold);
    assert.deepEqual(
      rig.began.map((batch, i) => `${batch} ${rig.reasons[i]}`),
      of.batches,
    );
    assert.deepEqual(rig.counts, of.counts);
    rig.assertEchoes(of.sent);
    assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
  });

for (const preserveOrdering of [false, true])
  test(`L0_batcher multi_batch_preserve_ordering: of a fast and a slow worker, ${preserveOrdering ? 'answers keep the order of the requests' : 'the fast one’s answers are not held back'}`, async () => {
    const rig = new PacedRig([400, 100]);
    const manifest = scheduled({ preferredBatchSizes: [4], preserveOrdering }, { maxBatchSize: 4 });
    await rig.play(manifest, one(12), 12);
    assert.deepEqual(rig.counts, { 4: 3 });
    assert.deepEqual(rig.began, ['4@0', '4@0', '4@100']);
    const asSent = Array.from({ length: 12 }, (_, i) => i);
    // The first four are with the slow worker.
    assert.deepEqual(rig.left, preserveOrdering ? asSent : [...asSent.slice(4), ...asSent.slice(0, 4)]);
    rig.assertEchoes(one(12));
    assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
  });
