import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CallRecord, CODE, check } from '../../soak/checker.js';

const LIMITS = { graceMs: 100, versions: ['1', '2'] };

function call(id: number, changes: Partial<CallRecord> = {}): CallRecord {
  return {
    id,
    nonce: id + 1000,
    sentAt: id * 10,
    deadlineMs: 1000,
    cancelled: false,
    guilty: false,
    endedAt: id * 10 + 5,
    code: CODE.ok,
    answers: [id + 1000],
    version: '1',
    ...changes,
  };
}

/** A call that has not ended, or has ended otherwise than well. */
function without(id: number, code: number | undefined, changes: Partial<CallRecord> = {}): CallRecord {
  const { endedAt: _, code: __, version: ___, ...rest } = call(id, { answers: [] });
  return { ...rest, ...(code === undefined ? {} : { code, endedAt: id * 10 + 5 }), ...changes };
}

test('a log of a good server has nothing to find', () => {
  const log = [
    call(1),
    call(2, { version: '2' }),
    without(3, CODE.unavailable),
    without(4, CODE.deadlineExceeded),
    without(5, CODE.cancelled, { cancelled: true }),
    without(6, undefined, { cancelled: true }),
    without(7, CODE.internal, { guilty: true }),
    call(8, { cancelled: true }),
  ];
  assert.deepEqual(check(log, LIMITS), []);
});

test('who met two deaths may be taken for their cause, who met one may not', () => {
  const log = [without(1, CODE.internal)];
  assert.deepEqual(check(log, { ...LIMITS, strikes: [9, 12] }), []);
  assert.equal(check(log, { ...LIMITS, strikes: [12, 16] }).length, 1);
});

const findings: readonly (readonly [kind: string, log: CallRecord[]])[] = [
  ['lost', [without(1, undefined)]],
  ['late', [call(1, { endedAt: 10 + 1101 })]],
  ['doubled', [call(1, { answers: [1001, 1001] })]],
  ['empty', [call(1, { answers: [] })]],
  // They were open at the same time.
  ['mixed-up', [call(1, { answers: [1002] }), call(2, { sentAt: 11 })]],
  ['mixed-up', [call(1, { answers: [77] })]],
  // The one whose answer it is had ended when the other was sent.
  ['stale', [call(2, { answers: [1001] }), call(1)]],
  // Another's answer is no better for having been given up.
  ['stale', [call(2, { answers: [1001], cancelled: true }), call(1)]],
  ['version', [call(1, { version: '3' })]],
  ['code', [without(1, CODE.internal)]],
  ['code', [without(1, CODE.cancelled)]],
  ['code', [without(1, 3)]],
];

for (const [kind, log] of findings)
  test(`the checker finds what is ${kind}: ${JSON.stringify(log[0]).slice(0, 100)}`, () => {
    assert.deepEqual(
      check(log, LIMITS).map((finding) => [finding.kind, finding.id]),
      [[kind, log[0]?.id]],
    );
  });

test('a version may be in quarantine after five strikes, and only then', () => {
  const message = "'wait/1' has ended 5 workers and is not run; it is tried again in 9252 ms";
  const log = [without(1, CODE.failedPrecondition, { message })];
  assert.deepEqual(check(log, { ...LIMITS, strikes: [1, 2, 3, 4, 5] }), []);
  assert.equal(check(log, { ...LIMITS, strikes: [1, 2, 3, 4] }).length, 1);
  const other = [without(1, CODE.failedPrecondition, { message: 'no' })];
  assert.equal(check(other, { ...LIMITS, strikes: [1, 2, 3, 4, 5] }).length, 1);
});
