import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/** What a child process of the server does at its start: it ends with the server, and it is the kernel's choice where memory runs out. */
export function liveAsChild(): void {
  const watch = new Worker(new URL('./parent-watch.js', import.meta.url), {
    workerData: { parent: process.ppid },
  });
  watch.unref();
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not on Linux, or not allowed: then the kernel chooses as it does.
  }
}
