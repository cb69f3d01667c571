import { GatewayError } from '../gateway/core/error.js';
import { freeBuffer } from '../gateway/core/free-buffer.js';
import type { FromWorker, RejectCode, ToWorker } from './protocol.js';
import { Sessions } from './sessions.js';

/** The worker's end of its line to the gateway: a MessagePort in a thread, a socket in a process of its own. */
export interface WorkerPort {
  /**
   * Sends a message. Of a result's tensors nothing may be touched before it is on its way: at once where nothing is returned, else
   * when the promise resolves.
   */
  post(message: FromWorker): Promise<void> | undefined;
  onMessage(listener: (message: ToWorker) => void): void;
  /** The gateway's end is gone. */
  onClose(listener: () => void): void;
  close(): void;
}

/** How a worker tells what it is in the midst of. */
export interface WorkerOccupation {
  /** Before anything is begun. False: nothing may be any more. */
  claim(id: number): boolean;
  /** After it, when the answer is on its way. */
  release(): void;
}

type Request = Exclude<ToWorker, { kind: 'close' }>;

const REJECT_CODES: ReadonlySet<string> = new Set<RejectCode>([
  'INVALID_ARGUMENT',
  'INTERNAL',
  'FAILED_PRECONDITION',
]);

/**
 * The worker's life: answers the messages of protocol.ts strictly in order of arrival, and resolves when told to close, when the
 * gateway's end of the line is gone, or when the gateway has fenced the worker. What fails is answered; nothing that a message
 * says ends the worker.
 */
export async function serve(port: WorkerPort, occupation: WorkerOccupation): Promise<void> {
  const sessions = new Sessions();
  await new Promise<void>((resolve) => {
    let tail = Promise.resolve();
    port.onMessage((message) => {
      if (message?.kind === 'close') {
        tail = tail.then(resolve);
        return;
      }
      // Nothing can be answered to what has no id.
      if (typeof message?.id !== 'number') return;
      tail = tail.then(async () => {
        if (!occupation.claim(message.id)) return resolve();
        await answer(port, sessions, message);
        // Only after the answer is on its way: a thread whose run is over but unanswered still has its run.
        occupation.release();
      });
      // `answer` catches everything; this is for what cannot be posted at all.
      tail = tail.catch(resolve);
    });
    port.onClose(() => {
      tail = tail.then(resolve);
    });
    port.post({ kind: 'ready' });
  });
  if (occupation.claim(0)) {
    await sessions.close();
    occupation.release();
  }
  port.close();
}

async function answer(port: WorkerPort, sessions: Sessions, message: Request): Promise<void> {
  try {
    if (message.kind === 'run') {
      const result = await sessions.run(message.key, message.inputs, message.outputs);
      const sent = port.post({ kind: 'result', id: message.id, ...result });
      // A socket takes it piece by piece, and the next run would stand in its way: it blocks the thread.
      if (sent !== undefined) await sent;
      for (const { data } of result.outputs) freeBuffer(data);
    } else {
      if (message.kind === 'load') await sessions.load(message.spec);
      else if (message.kind === 'unload') await sessions.unload(message.key);
      else throw new GatewayError('INTERNAL', 'a message of an unknown kind');
      port.post({ kind: 'done', id: message.id });
    }
  } catch (error) {
    const { code, message: text } = GatewayError.from(error);
    port.post({
      kind: 'rejected',
      id: message.id,
      code: REJECT_CODES.has(code) ? (code as RejectCode) : 'INTERNAL',
      message: text,
    });
  }
  // The run is over, and what of its inputs was given back as an output is with the gateway.
  if (message.kind === 'run') for (const { data } of message.inputs) freeBuffer(data);
}
