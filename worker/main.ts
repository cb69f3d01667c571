import type { MessagePort } from 'node:worker_threads';
import type { FromWorker, WorkerTask } from './protocol.js';
import { serve, type WorkerPort } from './serve.js';
import { StatusBlock } from './status-block.js';

/** The worker as a thread: piscina's one task of this thread, which lives as long as the thread does. */
export default function serveThread(task: WorkerTask): Promise<void> {
  return serve(threadPort(task.port as MessagePort), new StatusBlock(task.status));
}

function threadPort(port: MessagePort): WorkerPort {
  return {
    post(message: FromWorker): undefined {
      if (message.kind !== 'result') port.postMessage(message);
      else port.postMessage(message, [...new Set(message.outputs.map(({ data }) => data.buffer))]);
    },
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}
