import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import serve from '../../worker/main.js';
import { Phase, StatusWord, type ToWorker, type WorkerTask } from '../../worker/protocol.js';
import { FaultOrders } from '../../worker/waiting-orders.js';

/** Environment variable that names the folder of orders. */
const FOLDER = 'FAULT_FOLDER';

/** The real worker, with real models, but it takes orders as the waiting runtime does: each is to exit in the midst of a run. */
export default function ordered(task: WorkerTask): Promise<void> {
  const port = task.port as MessagePort;
  const status = new Int32Array(task.status);
  const orders = new FaultOrders(process.env[FOLDER]);
  const seen = new EventEmitter();
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'run' && orders.take('run') !== undefined) {
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
