import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallRecord } from '../../../../gateway/core/call-record.js';
import { CallJournal } from '../../../../gateway/telemetry/calls/call-journal.js';
import { LineLimit } from '../../../../gateway/telemetry/calls/line-limit.js';
import { FakeClock } from '../../../support/fake-clock.js';

const BASE: CallRecord = {
  ...{ fate: 'failed', requestId: '', traceId: '', model: 'iris', version: 1 },
  ...{ code: 'INVALID_ARGUMENT', reason: 'bad_request', message: 'wrong', endedAt: 1000, totalMs: 1 },
};

function journal(options: { callLinesPerSec?: number } = {}) {
  const lines: [string, Record<string, unknown>, string][] = [];
  const method = (level: string) => (fields: object, message: string) =>
    void lines.push([level, { ...fields }, message]);
  const logger = {
    ...{ debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') },
  };
  const clock = new FakeClock(1000);
  const calls = new CallJournal({ clock, logger, rememberedCalls: 3, callLinesPerSec: 1, ...options });
  return { calls, clock, lines };
}

test('the latest of each fate are remembered: a flood of refusals leaves the failure', () => {
  const { calls } = journal();
  calls.note({ ...BASE, requestId: 'lost' });
  for (let i = 0; i < 100; i++)
    calls.note({ ...BASE, fate: 'refused', requestId: `r${i}`, endedAt: 2000 + i });
  const ids = (id: string, fate?: CallRecord['fate'], limit = 100) =>
    calls.find(id, fate, limit).map(({ requestId }) => requestId);
  assert.deepEqual(ids(''), ['r99', 'r98', 'r97', 'lost']);
  assert.deepEqual(ids('', 'failed'), ['lost']);
  assert.deepEqual(ids('', undefined, 2), ['r99', 'r98']);
  assert.deepEqual(ids('r9'), ['r99', 'r98', 'r97']);
  assert.deepEqual(ids('r1'), []);
});

test('a call is found by its trace, too', () => {
  const { calls } = journal();
  calls.note({ ...BASE, traceId: 'abcdef' });
  assert.equal(calls.find('abc', undefined, 1).length, 1);
  assert.equal(calls.find('bc', undefined, 1).length, 0);
});

test('a line tells what became of a call; what the server is to blame for is a warning', () => {
  const { calls, lines } = journal({ callLinesPerSec: 10 });
  calls.note({ ...BASE, requestId: 'a\nb', traceId: 't' });
  calls.note({ ...BASE, fate: 'refused', code: 'UNAVAILABLE', reason: 'backlog' });
  calls.note({ ...BASE, fate: 'slow', code: 'OK', reason: undefined, message: '', queueMs: 5 });
  calls.note({ ...BASE, code: 'INTERNAL', reason: 'internal' });
  assert.deepEqual(
    lines.map(([level, , message]) => `${level}: ${message}`),
    ['info: a call failed', 'warn: a call was refused', 'warn: a call was slow'],
  );
  assert.deepEqual(lines[0]?.[1], {
    ...{ fate: 'failed', requestId: 'a\\x0ab', traceId: 't', model: 'iris', version: 1 },
    ...{ code: 'INVALID_ARGUMENT', reason: 'bad_request', why: 'wrong', totalMs: 1 },
  });
  assert.equal(lines[2]?.[1]['queueMs'], 5);
  assert.ok(!('why' in (lines[2]?.[1] ?? {})));
});

test('of a thousand failures at once five lines are written; the next says how many were left out', () => {
  const { calls, lines } = journal();
  for (let i = 0; i < 1000; i++) calls.note(BASE);
  assert.equal(lines.length, 5);
  calls.note({ ...BASE, endedAt: 2000 });
  assert.equal(lines.length, 6);
  assert.equal(lines[5]?.[1]['linesLeftOut'], 995);
});

test('a limit of nothing lets nothing through', () => {
  const limit = new LineLimit(0);
  assert.equal(limit.take(0), undefined);
  assert.equal(limit.take(1e9), undefined);
});
