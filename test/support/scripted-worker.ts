import type { MessagePort } from 'node:worker_threads';
import { Phase, StatusWord, type ToWorker, type WorkerTask } from '../../worker/protocol.js';

/**
 * A worker module that does what the model's name in a message's key says, to show how a gateway bears it: `throw`, `exit`, `heap`,
 * `hang` (a loop outside of a run), `silent` (never answers), `twice`, `stranger` (an answer to no question), `corrupt`.
 */
export default async function serve(task: WorkerTask): Promise<void> {
  const port = task.port as MessagePort;
  const status = new Int32Array(task.status);
  await new Promise<void>((resolve, reject) => {
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'close') return resolve();
      if (message.kind !== 'run') return port.postMessage({ kind: 'done', id: message.id });
      const answer = { kind: 'result', id: message.id, outputs: [], startedAt: 1, endedAt: 2 };
      const running = (): void => {
        Atomics.store(status, StatusWord.runId, message.id);
        Atomics.store(status, StatusWord.phase, Phase.running);
      };
      switch (message.key.split('/')[0]) {
        case 'throw':
          running();
          throw new Error('a worker’s own mistake');
        case 'reject':
          return reject(new Error('the task failed'));
        case 'exit':
          running();
          process.exit(3);
          break;
        case 'heap': {
          running();
          const hoard: unknown[] = [];
          for (;;) hoard.push(new Array(1000).fill(Math.random()));
        }
        case 'hang':
          for (;;);
        case 'silent':
          return;
        case 'twice':
          port.postMessage(answer);
          port.postMessage(answer);
          return;
        case 'stranger':
          port.postMessage({ ...answer, id: 999_999 });
          port.postMessage(answer);
          return;
        case 'corrupt':
          port.postMessage({ ...answer, outputs: [{ name: 'Y', datatype: 'FP31' }] });
          return;
        case 'answer-and-exit':
          port.postMessage(answer);
          process.exit(0);
          break;
        default:
          port.postMessage(answer);
      }
    });
    port.postMessage({ kind: 'ready' });
  });
  port.close();
}
