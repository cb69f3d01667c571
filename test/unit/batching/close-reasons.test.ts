/** Why each batch was closed with the rows that it had, as the recorder is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kneeOf } from '../../../gateway/batching/batch-target.js';
import type { LatencySample } from '../../../gateway/batching/latency-model.js';
import { NO_SCHEDULING } from '../../../gateway/batching/queue-policy.js';
import type { Manifest } from '../../../gateway/core/manifest.js';
import type { Scheduling } from '../../../gateway/core/scheduling.js';
import { scheduled } from './paced-rig.js';
import { echo, flush, NOTHING_LEFT, Rig, type SubmitOptions } from './rig.js';

/** l(b) = 20 + 2b milliseconds, known from preparation. */
const LATENCY: readonly LatencySample[] = [1, 8, 64].map((rows) => ({ rows, ms: 20 + 2 * rows }));

const line = (rows: number): number => 20 + 2 * rows;

interface Case {
  readonly shows: string;
  readonly scheduling?: Partial<Scheduling>;
  readonly latency?: readonly LatencySample[];
  readonly maxBatchSize?: number;
  readonly sent: readonly (Omit<SubmitOptions, 'rows'> & { rows?: number })[];
  /** Milliseconds that pass before the first batch is asked for. */
  readonly afterMs?: number;
  readonly batches: readonly string[];
}

const many = (times: number, of: Omit<SubmitOptions, 'rows'> = {}): Case['sent'] => Array(times).fill(of);
const DELAY = { maxQueueDelayMs: 100 };

const CASES: Case[] = [
  { shows: 'full: all the rows that a batch may have', sent: many(9), batches: ['8 full', '1 idle'] },
  {
    shows: 'full: the next did not fit',
    sent: [{ rows: 5 }, { rows: 4 }],
    batches: ['5 full', '4 idle'],
  },
  { shows: 'idle: a worker was free, and nothing else waited', sent: many(3), batches: ['3 idle'] },
  {
    shows: 'knee: as many rows as bring anything',
    latency: LATENCY,
    maxBatchSize: 64,
    sent: many(130),
    batches: ['58 knee', '58 knee', '14 idle'],
  },
  {
    shows: 'deadline: a smaller batch is in time, and so is everybody behind it',
    latency: LATENCY,
    maxBatchSize: 64,
    sent: [{ inMs: 34 }, ...many(9)],
    batches: ['7 deadline', '3 idle'],
  },
  {
    shows: 'preferred: the largest of the preferred sizes that is there',
    scheduling: { preferredBatchSizes: [2, 4] },
    sent: many(7),
    batches: ['4 preferred', '2 preferred', '1 idle'],
  },
  {
    // Triton runs all 7 once their delay is over. Here a preferred size is one at any time.
    shows: 'preferred: also when the delay is over',
    scheduling: { preferredBatchSizes: [2, 6], ...DELAY },
    sent: many(7),
    afterMs: 150,
    batches: ['6 preferred', '1 delay'],
  },
  {
    // Triton would close it at 3, as the next takes it beyond all preferred sizes. Without a delay nothing is gained by that.
    shows: 'idle: without a delay, all that is there where no preferred size is',
    scheduling: { preferredBatchSizes: [2, 6] },
    sent: [{ rows: 3 }, { rows: 4 }],
    batches: ['7 idle'],
  },
  {
    shows: 'delay: it has waited for its delay',
    scheduling: DELAY,
    sent: many(3),
    afterMs: 100,
    batches: ['3 delay'],
  },
  { shows: 'no reason yet: it waits', scheduling: DELAY, sent: many(3), afterMs: 99, batches: [] },
  { shows: 'full: no delay for a batch that is', scheduling: DELAY, sent: many(8), batches: ['8 full'] },
  {
    shows: 'delay: a delay asks for all that fits, also beyond the knee',
    latency: LATENCY,
    maxBatchSize: 64,
    scheduling: DELAY,
    sent: many(62),
    afterMs: 100,
    batches: ['62 delay'],
  },
  {
    // Triton does not read deadlines. Here none is missed for a delay: it ends when twice the batch's time is left.
    shows: 'delay: cut short by a deadline',
    latency: LATENCY,
    scheduling: DELAY,
    sent: [{}, { inMs: 60 }],
    afterMs: 60 - 2 * line(2),
    batches: ['2 delay'],
  },
  {
    shows: 'no reason yet: the deadline leaves time to wait',
    latency: LATENCY,
    scheduling: DELAY,
    sent: [{}, { inMs: 60 }],
    afterMs: 60 - 2 * line(2) - 1,
    batches: [],
  },
  {
    shows: 'deadline: the delay is over, and the whole batch would be late',
    latency: LATENCY,
    maxBatchSize: 64,
    scheduling: { maxQueueDelayMs: 10 },
    sent: [{ inMs: 44 }, ...many(9)],
    afterMs: 10,
    batches: ['7 deadline', '3 delay'],
  },
];

function manifestFor({ scheduling, latency = [], maxBatchSize = 8 }: Case): Manifest {
  return scheduled(scheduling ?? NO_SCHEDULING, { maxBatchSize, latency });
}

for (const of of CASES)
  test(`why a batch is closed: ${of.shows}`, async () => {
    const rig = new Rig();
    rig.batcher.hold();
    const manifest = manifestFor(of);
    const all = of.sent.map(({ rows = 1, ...options }, i) =>
      rig.submit({ manifest, rows: Array(rows).fill([i]), ...options }),
    );
    rig.clock.advance(of.afterMs ?? 0);
    rig.batcher.release();
    const sizes = await rig.runAll((command) => {
      const rows = command.inputs[0]?.shape[0] as number;
      return echo(command, 0, line(rows));
    });
    assert.deepEqual(
      sizes.map((rows, i) => `${rows} ${rig.reasons[i]}`),
      of.batches,
    );
    if (of.batches.length > 0) for (const { state } of all) assert.equal(state, 'OK');
    else rig.batcher.close();
    await flush();
    rig.clock.advance(200);
    assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
  });

test('why a batch is closed: again, as a part of one that was rejected', async () => {
  const rig = new Rig();
  const all = [1, -2, 3, 4].map((x) => rig.submit({ rows: [[x]] }));
  await rig.runAll((command) => {
    const done = echo(command);
    const bad = [...new Float32Array(new Uint8Array(done.outputs[0]?.data ?? []).buffer)].some((x) => x < 0);
    return bad ? { kind: 'rejected', error: new Error('bad row') as never } : done;
  });
  assert.deepEqual(
    rig.ran.map(({ rows }, i) => `${rows} ${rig.reasons[i]}`),
    ['2 again', '1 again'],
  );
  assert.deepEqual(
    all.map(({ state }) => state === 'OK'),
    [true, false, true, true],
  );
});

test('the knee of the model of these cases', () => {
  // 0.985 of 64 / 148 rows per ms: b with b / (20 + 2b) at least that.
  assert.equal(kneeOf({ fixedMs: 20, perRowMs: 2 }, 64), 58);
});
