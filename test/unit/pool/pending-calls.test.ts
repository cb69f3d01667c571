import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RunOutcome } from '../../../gateway/core/channel.js';
import { PendingCalls } from '../../../gateway/pool/pending-calls.js';

test('whatever answers come, in whatever order: every call is settled exactly once, the rest is counted', () => {
  const step = fc.record({
    kind: fc.constantFrom('result', 'done', 'rejected', 'run', 'request', 'corrupt') as fc.Arbitrary<string>,
    id: fc.integer({ min: 0, max: 12 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 12 }), (steps, runningId) => {
      let dropped = 0;
      const calls = new PendingCalls({ dropped: () => void dropped++ });
      const settled = new Map<number, (RunOutcome | 'resolved' | Error)[]>();
      let answers = 0;
      for (const { kind, id } of steps) {
        if (kind === 'run' || kind === 'request') {
          const ends: (RunOutcome | 'resolved' | Error)[] = [];
          const added =
            kind === 'run'
              ? calls.addRun((outcome) => ends.push(outcome))
              : calls.addRequest(
                  () => ends.push('resolved'),
                  (error) => ends.push(error),
                );
          settled.set(added, ends);
          continue;
        }
        answers++;
        if (kind === 'done') calls.answer({ kind, id });
        else if (kind === 'rejected') calls.answer({ kind, id, code: 'INTERNAL', message: 'x' });
        else
          calls.answer({
            kind: 'result',
            id,
            outputs: kind === 'corrupt' ? (undefined as never) : [],
            startedAt: 0,
            endedAt: 0,
          });
      }
      const before = [...settled.values()].filter((ends) => ends.length > 0).length;
      assert.equal(dropped, answers - before, 'an answer settles a call or is counted');
      const open = [...settled].filter(([, ends]) => ends.length === 0).map(([id]) => id);
      calls.failAll('gone', runningId);
      for (const [id, ends] of settled) {
        assert.equal(ends.length, 1);
        const [end] = ends;
        if (open.includes(id) && typeof end === 'object' && 'kind' in end)
          assert.deepEqual(end, { kind: 'fault', started: id === runningId, reason: 'gone' });
      }
    }),
  );
});

test('a code of the worker becomes an error of the gateway', () => {
  const calls = new PendingCalls({ dropped: () => assert.fail('it has a taker') });
  const outcomes: RunOutcome[] = [];
  for (const code of ['INVALID_ARGUMENT', 'INTERNAL'] as const) {
    const id = calls.addRun((outcome) => outcomes.push(outcome));
    calls.answer({ kind: 'rejected', id, code, message: 'why' });
  }
  assert.deepEqual(
    outcomes.map(
      (outcome) => outcome.kind === 'rejected' && [outcome.error.code, outcome.error.details.reason],
    ),
    [
      ['INVALID_ARGUMENT', 'bad_request'],
      ['INTERNAL', 'model_error'],
    ],
  );
});

test('a request that a dying worker had not begun is not to blame', () => {
  const calls = new PendingCalls({ dropped: () => assert.fail('nothing is answered') });
  const reasons: unknown[] = [];
  const ask = () =>
    calls.addRequest(
      () => assert.fail('the worker is gone'),
      (error) => reasons.push(error.details.reason),
    );
  const begun = ask();
  ask();
  calls.failAll('gone', begun);
  assert.deepEqual(reasons, ['worker_fault', 'no_worker']);
});
