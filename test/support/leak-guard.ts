import assert from 'node:assert/strict';
import { after } from 'node:test';
import { isMainThread, type Worker } from 'node:worker_threads';

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

/** Threads are not among Node's active resources: counted as they come and go. */
let threads = 0;

function alive(baseline: ReadonlyMap<string, number>): string[] {
  const left = new Map(baseline);
  const resources = process.getActiveResourcesInfo().concat(Array(threads).fill('Worker'));
  return resources.filter((name) => {
    if (OWN.has(name)) return false;
    const allowed = left.get(name) ?? 0;
    left.set(name, allowed - 1);
    return allowed <= 0;
  });
}

// Worker threads inherit --import; they have no tests of their own.
if (isMainThread && process.env['NODE_TEST_CONTEXT'] !== undefined) {
  const baseline = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) baseline.set(name, (baseline.get(name) ?? 0) + 1);
  process.on('worker', (worker: Worker) => {
    threads++;
    worker.once('exit', () => threads--);
  });
  after(async () => {
    const until = performance.now() + GRACE_MS;
    // A thread is announced on the next tick.
    await new Promise((resolve) => setImmediate(resolve));
    while (alive(baseline).length > 0 && performance.now() < until) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const leaked = alive(baseline);
    // What leaked would keep the process alive until the runner's time-out.
    if (leaked.length > 0) setTimeout(() => process.exit(1), 500);
    assert.deepEqual(leaked, [], 'left open by this test file');
  });
}
