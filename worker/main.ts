import type { MessagePort } from 'node:worker_threads';
import { GatewayError } from '../gateway/core/error.js';
import { freeBuffer } from '../gateway/core/free-buffer.js';
import type { FromWorker, RejectCode, ToWorker, WorkerTask } from './protocol.js';
import { Sessions } from './sessions.js';
import { StatusBlock } from './status-block.js';

type Request = Exclude<ToWorker, { kind: 'close' }>;

const REJECT_CODES: ReadonlySet<string> = new Set<RejectCode>([
  'INVALID_ARGUMENT',
  'INTERNAL',
  'FAILED_PRECONDITION',
]);

/**
 * The worker: piscina's one task of this thread, which lives as long as the thread does. Answers the messages of
 * protocol.ts strictly in order of arrival, and resolves when told to close, when the gateway's end of the port is gone,
 * or when the gateway has fenced the thread. What fails is answered; nothing that a message says ends the worker.
 */
export default async function serve(task: WorkerTask): Promise<void> {
  const port = task.port as MessagePort;
  const status = new StatusBlock(task.status);
  const sessions = new Sessions();
  await new Promise<void>((resolve) => {
    let tail = Promise.resolve();
    port.on('message', (message: ToWorker) => {
      if (message?.kind === 'close') {
        tail = tail.then(resolve);
        return;
      }
      // Nothing can be answered to what has no id.
      if (typeof message?.id !== 'number') return;
      tail = tail.then(async () => {
        if (!status.claim(message.id)) return resolve();
        await answer(port, sessions, message);
        // Only after the answer is on its way: a thread whose run is over but unanswered still has its run.
        status.release();
      });
      // `answer` catches everything; this is for what cannot be posted at all.
      tail = tail.catch(resolve);
    });
    port.on('close', () => {
      tail = tail.then(resolve);
    });
    post(port, { kind: 'ready' });
  });
  if (status.claim(0)) {
    await sessions.close();
    status.release();
  }
  port.close();
}

async function answer(port: MessagePort, sessions: Sessions, message: Request): Promise<void> {
  try {
    if (message.kind === 'run') {
      const result = await sessions.run(message.key, message.inputs, message.outputs);
      const transfer = new Set(result.outputs.map((output) => output.data.buffer));
      post(port, { kind: 'result', id: message.id, ...result }, [...transfer]);
      return;
    }
    if (message.kind === 'load') await sessions.load(message.spec);
    else if (message.kind === 'unload') await sessions.unload(message.key);
    else throw new GatewayError('INTERNAL', 'a message of an unknown kind');
    post(port, { kind: 'done', id: message.id });
  } catch (error) {
    const { code, message: text } = GatewayError.from(error);
    post(port, {
      kind: 'rejected',
      id: message.id,
      code: REJECT_CODES.has(code) ? (code as RejectCode) : 'INTERNAL',
      message: text,
    });
  }
  // The run is over, and what of its inputs was given back as an output is with the gateway.
  if (message.kind === 'run') for (const { data } of message.inputs) freeBuffer(data);
}

function post(port: MessagePort, message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
