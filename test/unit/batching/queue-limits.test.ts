/** How long a request may wait and how many may, beyond Triton's own scenarios; and how these meet deadlines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacedRig, policy, type Sent, scheduled } from './paced-rig.js';
import { NOTHING_LEFT } from './rig.js';

const us = (timeout: number): Pick<Sent, 'parameters'> => ({ parameters: { timeout } });

/** A busy worker; then a request, and what became of it and when (to the wheel's tick). */
const TIMES: [string, Parameters<typeof policy>[0], Partial<Sent>, string][] = [
  ['nothing said: it waits for as long as it takes', {}, {}, 'OK@1000'],
  ['its deadline', {}, { inMs: 300 }, 'DEADLINE_EXCEEDED@300'],
  ['its timeout, in microseconds', {}, us(200_000), 'DEADLINE_EXCEEDED@200'],
  ['the earlier of both: the timeout', {}, { inMs: 300, ...us(200_000) }, 'DEADLINE_EXCEEDED@200'],
  ['the earlier of both: the deadline', {}, { inMs: 100, ...us(200_000) }, 'DEADLINE_EXCEEDED@100'],
  ['a timeout of 0 is none', {}, { inMs: 300, ...us(0) }, 'DEADLINE_EXCEEDED@300'],
  [
    'a timeout counts to the answer, as a deadline',
    {},
    { at: 900, ...us(120_000) },
    'DEADLINE_EXCEEDED@1020',
  ],
  ['the time of the policy', { defaultTimeoutMs: 400 }, {}, 'UNAVAILABLE@400'],
  ['the earlier of policy and deadline', { defaultTimeoutMs: 400 }, { inMs: 300 }, 'DEADLINE_EXCEEDED@300'],
  [
    'where it may not override, its timeout is a deadline still',
    { defaultTimeoutMs: 400 },
    us(200_000),
    'DEADLINE_EXCEEDED@200',
  ],
  [
    'where it may, a shorter timeout is its time in the queue',
    { defaultTimeoutMs: 400, allowTimeoutOverride: true },
    us(200_000),
    'UNAVAILABLE@200',
  ],
  [
    'a longer one changes nothing',
    { defaultTimeoutMs: 400, allowTimeoutOverride: true },
    us(600_000),
    'UNAVAILABLE@400',
  ],
  [
    'without a default any timeout is its time in the queue',
    { allowTimeoutOverride: true },
    us(600_000),
    'UNAVAILABLE@600',
  ],
  [
    'which is over when it runs: it counts no further',
    { allowTimeoutOverride: true },
    { at: 900, ...us(120_000) },
    'OK@1000',
  ],
  ['delayed, it runs all the same', { defaultTimeoutMs: 400, timeoutAction: 'delay' }, {}, 'OK@1000'],
  [
    'delayed, its deadline stays',
    { defaultTimeoutMs: 100, timeoutAction: 'delay' },
    { inMs: 300 },
    'DEADLINE_EXCEEDED@300',
  ],
];

test('how long a request waits: its deadline, its timeout and its queue’s policy', async () => {
  for (const [sentence, of, sent, wanted] of TIMES) {
    // Nothing is predicted here: of what is dropped early, other tests tell.
    const switches = { order: 'deadline', batchChoice: false, earlyDrop: false, admission: false } as const;
    const rig = new PacedRig([1000], { scheduler: switches });
    const manifest = scheduled({ defaultQueuePolicy: policy(of) });
    const { at = 0, rows, ...options } = { rows: 1, ...sent };
    rig.send({ manifest });
    await rig.until(at);
    const asked = rig.send({ manifest, ...options });
    let left: number | undefined;
    const leave = (): void => {
      left = rig.clock.now() - 1_000_000;
    };
    asked.promise.then(leave, leave);
    await rig.until(3000);
    const state = asked.state === 'OK' ? rig.began[1]?.replace('1@', 'OK@') : `${asked.state}@${left}`;
    // Moves of the clock are steps of 50 ms: what is seen lies in the step.
    const [code, ms] = (state ?? '').split('@');
    const [wantedCode, wantedMs] = wanted.split('@');
    assert.equal(code, wantedCode, sentence);
    assert.ok(Number(ms) >= Number(wantedMs) && Number(ms) < Number(wantedMs) + 50, `${sentence}: ${state}`);
    assert.deepEqual(rig.leftovers(), NOTHING_LEFT, sentence);
  }
});

test('the size of a queue is that of its level; what runs does not count, what is delayed does', async () => {
  const manifest = scheduled({
    priorityLevels: 3,
    defaultPriorityLevel: 2,
    defaultQueuePolicy: policy({ maxQueueSize: 2, defaultTimeoutMs: 50, timeoutAction: 'delay' }),
    queuePolicies: { 3: policy({ maxQueueSize: 1 }) },
  });
  const rig = new PacedRig([1000]);
  const priority = (level: number): Partial<Sent> => ({ parameters: { priority: BigInt(level) } });
  const sent: Sent[] = [
    // Runs alone.
    { rows: 1 },
    { at: 10, rows: 1 },
    { at: 10, rows: 1 },
    // The third of the default level, now and after the others were delayed.
    { at: 10, rows: 1 },
    { at: 200, rows: 1 },
    { at: 200, rows: 1, ...priority(1) },
    { at: 200, rows: 1, ...priority(3) },
    { at: 200, rows: 1, ...priority(3) },
    // There is room again when the second batch runs.
    { at: 1010, rows: 1 },
  ];
  await rig.play(manifest, sent);
  const refused = 'UNAVAILABLE: Exceeds maximum queue size';
  assert.deepEqual(rig.outcomes, ['OK', 'OK', 'OK', refused, refused, 'OK', 'OK', refused, 'OK']);
  assert.match(
    rig.sent[7]?.error?.message ?? '',
    /^Exceeds maximum queue size: 1 requests wait for model 'echo' version 1 at priority 3$/,
  );
  assert.equal(rig.sent[7]?.error?.details.reason, 'queue_full');
  assert.ok((rig.sent[7]?.error?.details.retryAfterMs ?? 0) > 0);
  assert.deepEqual(rig.began, ['1@0', '4@1000', '1@2000']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('levels: the more urgent first, by deadline within one; what is delayed is the last of its level', async () => {
  const manifest = scheduled(
    {
      priorityLevels: 2,
      defaultPriorityLevel: 2,
      defaultQueuePolicy: policy({
        defaultTimeoutMs: 50,
        timeoutAction: 'delay',
        allowTimeoutOverride: true,
      }),
    },
    { maxBatchSize: 1 },
  );
  const rig = new PacedRig([100]);
  const priority = (level: number): Partial<Sent> => ({ parameters: { priority: BigInt(level) } });
  await rig.play(manifest, [
    { rows: 1 },
    { rows: 1, ...priority(2) },
    { rows: 1, ...priority(1) },
    // Those above are delayed by then.
    { at: 60, rows: 1, ...priority(2) },
    { at: 60, rows: 1, ...priority(1) },
    { at: 60, rows: 1, inMs: 900, ...priority(1) },
  ]);
  // Each that waits for longer than 50 ms is delayed itself: then they go in the order in which they came.
  assert.deepEqual(rig.left, [0, 5, 2, 4, 1, 3]);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('one that leaves the queue, cancelled or refused, makes way for a preferred size at once', async () => {
  const limits = policy({ allowTimeoutOverride: true });
  const scheduling = { preferredBatchSizes: [4, 8], maxQueueDelayMs: 10_000, defaultQueuePolicy: limits };
  for (const way of ['cancelled', 'refused']) {
    const rig = new PacedRig();
    const manifest = scheduled(scheduling);
    rig.send({ manifest, ...(way === 'refused' ? us(1_500_000) : {}) });
    for (const x of [1, 2]) rig.send({ manifest, rows: [[x], [x]] });
    await rig.until(1450);
    assert.deepEqual(rig.began, [], way);
    if (way === 'cancelled') rig.sent[0]?.cancellation.cancel();
    await rig.until(1500);
    assert.deepEqual(rig.began, [way === 'cancelled' ? '4@1450' : '4@1500']);
    await rig.until(20_000);
    assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
  }
});

test('one that has expired unnoticed makes no preferred size: the others keep their delay', async () => {
  const rig = new PacedRig();
  const manifest = scheduled({ preferredBatchSizes: [4], maxQueueDelayMs: 100 });
  rig.batcher.hold();
  for (const inMs of [3, 5000]) rig.send({ manifest, rows: [[1], [1]], inMs });
  // Before the wheel's tick.
  rig.clock.advance(4);
  rig.batcher.release();
  assert.deepEqual(rig.began, []);
  await rig.until(200);
  assert.deepEqual([rig.began, rig.reasons], [['2@100'], ['delay']]);
  assert.deepEqual(
    rig.sent.map(({ state }) => state),
    ['DEADLINE_EXCEEDED', 'OK'],
  );
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a batcher that is closed while requests wait for a delay leaves no timer behind', async () => {
  const rig = new PacedRig();
  rig.send({ manifest: scheduled({ preferredBatchSizes: [4], maxQueueDelayMs: 10_000 }) });
  rig.batcher.close();
  await rig.until(10);
  assert.deepEqual(rig.outcomes, ['UNAVAILABLE: the server was stopped before the request had run']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});
