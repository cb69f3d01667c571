import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { encodeFrame, FrameReader } from '../../worker/frames.js';
import type { FromWorker, ToWorker, WireTensor } from '../../worker/protocol.js';

const socket = new Socket({ fd: 3 });
const say = (message: FromWorker): void => {
  for (const piece of encodeFrame(message)) socket.write(piece);
};
const leave = (code: number, lastWords = ''): void => {
  writeSync(2, lastWords);
  process.exit(code);
};

const output: WireTensor = { name: 'Y', datatype: 'FP32', shape: [1], data: new Uint8Array(4) };
const result = (id: number, outputs: readonly WireTensor[] = [output]): FromWorker => ({
  kind: 'result',
  id,
  outputs,
  startedAt: 1,
  endedAt: 2,
});

/**
 * A worker process that does what the model's name in a message's key says, to show how a gateway bears it. It says that it has started
 * before everything but `silent`.
 */
const SCRIPTS: Readonly<Record<string, (id: number) => void>> = {
  ok: (id) => say(result(id)),
  twice: (id) => [id, id].forEach((one) => void say(result(one))),
  stranger: (id) => [999_999, id].forEach((one) => void say(result(one))),
  'too-many': (id) => say(result(id, [output, output])),
  'too-few': (id) => say(result(id, [])),
  datatype: (id) => say(result(id, [{ ...output, datatype: 'FP31' }])),
  garbage: () => void socket.write(Buffer.alloc(100, 'garbage ')),
  'answer-and-exit': (id) => {
    say(result(id));
    leave(0);
  },
  'half-and-exit': (id) => {
    socket.write(Buffer.concat(encodeFrame(result(id))).subarray(0, -2));
    leave(4);
  },
  throw: () => {
    throw new Error('a worker’s own mistake');
  },
  hang: () => {
    for (;;);
  },
  memory: () => {
    // Resident, and not in JavaScript's heap.
    const hoard = Buffer.alloc(200 * 1024 * 1024, 1);
    setInterval(() => hoard.at(0), 1000);
  },
  'hang-up': () => void socket.destroy(),
  environment: () =>
    leave(5, `Error: ${Object.keys(process.env).sort().join()} ${process.execArgv.join()}\n`),
  socket: () => leave(6, `Error: ${fstatSync(3).isSocket()}\n`),
};

const reader = new FrameReader((value) => {
  const message = value as ToWorker;
  if (message.kind === 'close') socket.end(() => leave(0));
  else if (message.kind !== 'run') say({ kind: 'done', id: message.id });
  else if (!message.key.startsWith('silent')) {
    say({ kind: 'started', id: message.id, startedAt: 5 });
    SCRIPTS[message.key.split('/')[0] as string]?.(message.id);
  }
});
socket.on('data', (chunk) => reader.push(chunk)).on('end', () => leave(0));
setInterval(() => {}, 60_000);
// How a test asks for one that never answers.
if (!process.execArgv.includes('--max-old-space-size=19')) say({ kind: 'ready' });
