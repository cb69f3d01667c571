import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STATUS, statusName } from '../../../bench/http2/grpc-status.js';
import { LatencyCounts } from '../../../bench/latency-counts.js';
import { type EndedCall, outcomeOf, Recorder, sliceLengthMs } from '../../../bench/recorder.js';

const OUTCOMES: readonly (readonly [
  sentence: string,
  status: number,
  wrong: boolean,
  inTime: boolean,
  outcome: string,
])[] = [
  ['OK, right and in time is what goodput counts', 0, false, true, 'ok'],
  ['OK after the deadline is late', 0, false, false, 'late'],
  ['a wrong answer is wrong', 0, true, true, 'wrong'],
  ['a wrong answer stays wrong when it is late too', 0, true, false, 'wrong'],
  ['DEADLINE_EXCEEDED is late', 4, false, true, 'late'],
  ['UNAVAILABLE is refused', 14, false, true, 'refused'],
  ['RESOURCE_EXHAUSTED is refused', 8, false, true, 'refused'],
  ['a late refusal is refused', 14, false, false, 'refused'],
  ['INVALID_ARGUMENT is failed', 3, false, true, 'failed'],
  ['CANCELLED is failed', 1, false, true, 'failed'],
  ['an error with a wrong body is failed, not wrong', 13, true, true, 'failed'],
  ['a broken connection is failed', STATUS.connection, false, true, 'failed'],
];

for (const [sentence, status, wrong, inTime, outcome] of OUTCOMES) {
  test(sentence, () => assert.equal(outcomeOf(status, wrong, inTime), outcome));
}

const call = (changes: Partial<EndedCall> = {}): EndedCall => ({
  templateIndex: 0,
  intendedMs: 100,
  deadlineAtMs: Number.POSITIVE_INFINITY,
  status: 0,
  statusMessage: '',
  wrong: undefined,
  ...changes,
});

const recorder = (durationMs = 5000): Recorder =>
  new Recorder({ templates: [{ name: 'a' }, { name: 'b' }], fromMs: 100, durationMs });

test('whatever happens to calls, offered is the sum of what became of them', () => {
  const ended = fc.record({
    template: fc.integer({ min: 0, max: 1 }),
    intendedMs: fc.integer({ min: 0, max: 8000 }),
    status: fc.integer({ min: 0, max: 17 }),
    wrong: fc.boolean(),
    deadlineMs: fc.integer({ min: 0, max: 100 }),
    tookMs: fc.integer({ min: 0, max: 100 }),
    ends: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(ended, { maxLength: 60 }), (calls) => {
      const record = recorder();
      for (const each of calls) {
        record.offered(each.template, each.intendedMs);
        if (!each.ends) continue;
        const { intendedMs, status } = each;
        const deadlineAtMs = intendedMs + each.deadlineMs;
        const wrong = each.wrong ? 'not this' : undefined;
        record.ended(
          call({ templateIndex: each.template, intendedMs, status, wrong, deadlineAtMs }),
          intendedMs + each.tookMs,
        );
      }
      const measured = calls.filter(({ intendedMs }) => intendedMs >= 100);
      const part = record.toPart();
      let offered = 0;
      for (const { counts, latency } of part.templates) {
        offered += counts.offered;
        const { ok, late, refused, failed, wrong, unanswered } = counts;
        assert.equal(counts.offered, ok + late + refused + failed + wrong + unanswered);
        const answered = Object.values(counts.byStatus).reduce((sum, count) => sum + count, 0);
        assert.equal(answered, counts.offered - unanswered);
        assert.equal(LatencyCounts.from(latency).count, (counts.byStatus['OK'] ?? 0) - wrong);
      }
      assert.equal(offered, measured.length);
      assert.equal(record.open, measured.filter(({ ends }) => !ends).length);
      assert.equal(
        part.slices.reduce((sum, slice) => sum + slice.offered, 0),
        offered,
      );
    }),
  );
});

test('latency runs from the intended start, and an OK after the deadline is part of it', () => {
  const record = recorder();
  record.offered(1, 200);
  record.ended(call({ templateIndex: 1, intendedMs: 200, deadlineAtMs: 220 }), 250);
  const [, b] = record.toPart().templates;
  assert.deepEqual([b?.counts.late, b?.latency.minMs, b?.latency.maxMs], [1, 50, 50]);
});

test('what was meant to start before the measurement counts for nothing', () => {
  const record = recorder();
  record.offered(0, 99.9);
  record.late(99.9, 120);
  assert.equal(record.ended(call({ intendedMs: 99.9 }), 120), 'ok', 'the live view still hears of it');
  const { templates, slices, lateness } = record.toPart();
  assert.equal(templates[0]?.counts.offered, 0);
  assert.deepEqual([slices.length, lateness.buckets.length, record.open], [0, 0, 0]);
});

test('a call belongs to the slice of its intended start, however late its answer is', () => {
  const record = recorder();
  record.offered(0, 100 + 500);
  record.offered(0, 100 + 2500);
  record.ended(call({ intendedMs: 600 }), 4000);
  record.ended(call({ intendedMs: 2600, status: 14 }), 4000);
  const { slices, sliceMs } = record.toPart();
  assert.equal(sliceMs, 1000);
  assert.deepEqual(
    slices.map(({ offered, ok, refused }) => [offered, ok, refused]),
    [
      [1, 1, 0],
      [0, 0, 0],
      [1, 0, 1],
    ],
  );
});

test('a timeline never has more than 600 slices', () => {
  assert.equal(sliceLengthMs(10), 1000);
  assert.equal(sliceLengthMs(600_000), 1000);
  assert.equal(sliceLengthMs(600_001), 2000);
  assert.equal(sliceLengthMs(86_400_000), 144_000);
});

test('samples show each kind of failure once, at most ten, and no refusals', () => {
  const record = recorder();
  const end = (changes: Partial<EndedCall>): void => {
    record.offered(0, 200);
    record.ended(call({ intendedMs: 200, ...changes }), 210);
  };
  for (let i = 0; i < 5; i++) {
    end({ status: 3, statusMessage: `bad ${i}` });
    end({ status: 14, statusMessage: 'busy' });
    end({ wrong: `element ${i} is ${i}` });
  }
  assert.deepEqual(record.toPart().samples, ['a: INVALID_ARGUMENT: bad 0', 'a: element 0 is 0']);
  for (const code of Array.from({ length: 18 }, (_, i) => i))
    end({ status: code, statusMessage: 'x'.repeat(999) });
  const { samples } = record.toPart();
  assert.equal(samples.length, 10);
  assert.ok(samples.every((sample) => sample.length < 400));
  assert.ok(samples.some((sample) => sample.includes(statusName(1))));
});
