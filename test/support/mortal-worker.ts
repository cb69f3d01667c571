import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import serve from '../../worker/main.js';
import { Phase, StatusWord, type ToWorker, type WorkerTask } from '../../worker/protocol.js';

/** How often a worker of this kind runs before it dies: its fifth run kills it, after it has started. */
export const RUNS_OF_A_LIFE = 4;

/** The real worker, but mortal: it exits in the middle of its fifth run, as one does that runs out of memory. */
export default function mortal(task: WorkerTask): Promise<void> {
  const port = task.port as MessagePort;
  const status = new Int32Array(task.status);
  let runs = 0;
  const seen = new EventEmitter();
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'run' && ++runs > RUNS_OF_A_LIFE) {
      Atomics.store(status, StatusWord.runId, message.id);
      Atomics.store(status, StatusWord.phase, Phase.running);
      process.exit(3);
    }
    seen.emit('message', message);
  });
  port.on('close', () => seen.emit('close'));
  const facade = {
    on: (name: string, listener: (...values: unknown[]) => void) => seen.on(name, listener),
    postMessage: port.postMessage.bind(port),
    close: port.close.bind(port),
  };
  return serve({ port: facade, status: task.status });
}
