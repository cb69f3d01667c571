import { workerData } from 'node:worker_threads';

/**
 * A thread of a child process that ends it when the server is gone, however that ended. The line's end tells the
 * child too, but not while a model keeps its main thread in native code: one that never returns would go on alone, at the
 * cost of a core, until somebody finds it.
 */
const { parent } = workerData as { readonly parent: number };

setInterval(() => {
  // Whoever loses its parent gets another one.
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 500);
