import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  exitCodeOf,
  MAX_RESTARTS,
  RestartPolicy,
  type ServerEnd,
  WINDOW_MS,
} from '../../../cli/supervise/restart-policy.js';

const end = (changes: Partial<ServerEnd>): ServerEnd => ({
  code: null,
  signal: null,
  stopAsked: false,
  listened: true,
  servedMs: 0,
  ...changes,
});
const CRASH = end({ signal: 'SIGSEGV' });

test('a native crash, a kill and an end that nobody meant are followed by a restart at once', () => {
  const ends = [
    ...(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGKILL'] as const).map((signal) =>
      end({ signal }),
    ),
    ...[1, 7, 134, 137].map((code) => end({ code })),
  ];
  for (const ended of ends)
    assert.deepEqual(
      new RestartPolicy().decide(ended),
      { kind: 'restart', delayMs: 0 },
      JSON.stringify(ended),
    );
});

test('what was meant is passed on: a drain, a fault of the command line or the configuration, an ordinary signal', () => {
  for (const code of [0, 2, 78, 129, 130, 143])
    assert.deepEqual(new RestartPolicy().decide(end({ code })), { kind: 'exit', code });
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)
    assert.deepEqual(new RestartPolicy().decide(end({ signal })), { kind: 'exit', code });
});

test('however it ends after it was asked to stop, that is its end', () => {
  const policy = new RestartPolicy();
  assert.deepEqual(policy.decide(end({ signal: 'SIGKILL', stopAsked: true })), { kind: 'exit', code: 137 });
  assert.deepEqual(policy.decide(end({ code: 1, stopAsked: true })), { kind: 'exit', code: 1 });
});

test('an exit code of a server that never listened is passed on: it would not start the next time either', () => {
  assert.deepEqual(new RestartPolicy().decide(end({ code: 1, listened: false })), { kind: 'exit', code: 1 });
  assert.equal(new RestartPolicy().decide({ ...CRASH, listened: false }).kind, 'restart');
});

test('D68 crash after crash: the pauses grow, and after five restarts within a minute of service it gives up', () => {
  const policy = new RestartPolicy();
  const delays = Array.from({ length: MAX_RESTARTS }, () => policy.decide(CRASH)).map((decision) =>
    decision.kind === 'restart' ? decision.delayMs : -1,
  );
  assert.deepEqual(delays, [0, 500, 1000, 2000, 4000]);
  assert.deepEqual(policy.decide(CRASH), { kind: 'give-up' });
});

test('D68 a server that dies whenever it loads gives up however long that takes; one that serves between crashes never does', () => {
  const loading = new RestartPolicy();
  const kinds = Array.from({ length: MAX_RESTARTS + 1 }, () => loading.decide(CRASH).kind);
  assert.equal(kinds.at(-1), 'give-up');
  const serving = new RestartPolicy();
  for (let i = 0; i < 100; i++)
    assert.equal(
      serving.decide({ ...CRASH, servedMs: WINDOW_MS / MAX_RESTARTS }).kind,
      'restart',
      `crash ${i}`,
    );
  const busier = new RestartPolicy();
  const soon = Array.from({ length: 20 }, () => busier.decide({ ...CRASH, servedMs: WINDOW_MS / 20 }).kind);
  assert.equal(soon.indexOf('give-up'), MAX_RESTARTS);
});

test('after a minute of service the first restart is at once again', () => {
  const policy = new RestartPolicy();
  policy.decide(CRASH);
  policy.decide(CRASH);
  assert.deepEqual(policy.decide({ ...CRASH, servedMs: WINDOW_MS }), { kind: 'restart', delayMs: 0 });
});

test('exit codes are those of a shell', () => {
  assert.equal(exitCodeOf({ code: 3, signal: null }), 3);
  assert.equal(exitCodeOf({ code: null, signal: 'SIGKILL' }), 137);
  assert.equal(exitCodeOf({ code: null, signal: 'SIGSEGV' }), 139);
});
