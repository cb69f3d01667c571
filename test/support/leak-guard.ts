import assert from 'node:assert/strict';
import { after } from 'node:test';

/**
 * Loaded into every test file's process (--import): after the last test of a file, nothing may keep the event loop
 * alive. A leaked socket, server, timer, thread or child process fails the file and is named.
 */
const OWN = new Set([
  'PipeWrap',
  'TTYWrap',
  'FSReqCallback',
  'FSReqPromise',
  'Immediate',
  'TickObject',
  'CloseReq',
]);

/** Handles close asynchronously after their close() call: give them this long. */
const GRACE_MS = 2000;

function alive(baseline: ReadonlyMap<string, number>): string[] {
  const left = new Map(baseline);
  return process.getActiveResourcesInfo().filter((name) => {
    if (OWN.has(name)) return false;
    const allowed = left.get(name) ?? 0;
    left.set(name, allowed - 1);
    return allowed <= 0;
  });
}

if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  const baseline = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) baseline.set(name, (baseline.get(name) ?? 0) + 1);
  after(async () => {
    const until = performance.now() + GRACE_MS;
    while (alive(baseline).length > 0 && performance.now() < until) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(alive(baseline), [], 'left open by this test file');
  });
}
