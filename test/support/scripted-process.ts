import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { encodeFrame, FrameReader } from '../../worker/frames.js';
import type { FromWorker, ToWorker } from '../../worker/protocol.js';

/**
 * A worker process that does what the model's name in a message's key says, to show how a gateway bears it. It says that it has started
 * before everything but `silent`.
 */
const socket = new Socket({ fd: 3 });
const say = (message: FromWorker): void => {
  for (const piece of encodeFrame(message)) socket.write(piece);
};

function onRun({ id, key }: Extract<ToWorker, { kind: 'run' }>): void {
  const name = key.split('/')[0];
  const outputs = [{ name: 'Y', datatype: 'FP32', shape: [1], data: new Uint8Array(4) }];
  const answer: FromWorker = { kind: 'result', id, outputs, startedAt: 1, endedAt: 2 };
  if (name === 'silent') return;
  say({ kind: 'started', id, startedAt: 5 });
  switch (name) {
    case 'twice':
      say(answer);
      return say(answer);
    case 'stranger':
      say({ ...answer, id: 999_999 });
      return say(answer);
    case 'too-many':
      return say({ ...answer, outputs: [...outputs, ...outputs] });
    case 'too-few':
      return say({ ...answer, outputs: [] });
    case 'datatype':
      return say({ ...answer, outputs: [{ ...outputs[0], datatype: 'FP31' } as never] });
    case 'garbage':
      return void socket.write(Buffer.alloc(100, 'garbage '));
    case 'answer-and-exit':
      say(answer);
      return process.exit(0);
    case 'half-and-exit': {
      socket.write(Buffer.concat(encodeFrame(answer)).subarray(0, -2));
      return process.exit(4);
    }
    case 'throw':
      throw new Error('a worker’s own mistake');
    case 'hang':
      for (;;);
    case 'memory': {
      // Resident, and not in JavaScript's heap.
      const hoard = Buffer.alloc(200 * 1024 * 1024, 1);
      return void setInterval(() => hoard.at(0), 1000);
    }
    case 'hang-up':
      return void socket.destroy();
    case 'environment':
      writeSync(2, `Error: ${Object.keys(process.env).sort().join()} ${process.execArgv.join()}\n`);
      return process.exit(5);
    case 'socket':
      writeSync(2, `Error: ${fstatSync(3).isSocket()}\n`);
      return process.exit(6);
    default:
      say(answer);
  }
}

const reader = new FrameReader((value) => {
  const message = value as ToWorker;
  if (message.kind === 'close') socket.end(() => socket.destroy());
  else if (message.kind === 'run') onRun(message);
  else say({ kind: 'done', id: message.id });
});
socket.on('data', (chunk) => reader.push(chunk)).on('close', () => process.exit(0));
setInterval(() => {}, 60_000);
if (!process.execArgv.includes('--max-old-space-size=19')) say({ kind: 'ready' });
