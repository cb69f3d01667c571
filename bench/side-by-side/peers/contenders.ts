import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CallTemplate } from '../../contract.js';
import { encodeInfer, inferRequest, OIP_INFER } from '../../targets/oip.js';
import type { Bench } from '../bench.js';
import { type Caller, grpcCaller, httpCaller } from './caller.js';
import type { HttpAnswer } from './http-answer.js';
import type { HttpTarget } from './http-load.js';
import { type Command, freePort, type Started, startProcess } from './start-process.js';

/** Who serves the forest, and how it is asked. */
export interface Contender {
  readonly family: 'Sluice' | 'Flask' | 'MLServer';
  /** For the table. */
  readonly name: string;
  start(bench: Bench): Promise<{ readonly server: Started; readonly caller: Caller }>;
}

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const peers = join(root, 'bench/peers');
const environment = join(peers, '.env');

/** A setosa, the first row of the data: class 0. */
const ROW = [5.1, 3.5, 1.4, 0.2];
const CLASS = 0;

/** Throws Error that says what to run where the peers are not installed. */
export function assertPeers(): void {
  if (!existsSync(join(environment, 'done')))
    throw new Error('Flask and MLServer are not installed: run npm run bench:peers:setup first');
}

/** Asks once. */
async function rightOverHttp({ port, path, body, right }: HttpTarget): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body,
      signal: AbortSignal.timeout(2000),
    });
    return right({ status: answer.status, body: await answer.text() });
  } catch {
    return false;
  }
}

/** Of a JSON answer with status 200, whether the label that `of` finds in it is the right one. */
function labelled(of: (json: never) => unknown): (answer: HttpAnswer) => boolean {
  return ({ status, body }) => status === 200 && of(JSON.parse(body) as never) === CLASS;
}

const OIP_BODY = JSON.stringify({
  inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data: ROW }],
});
/** Sluice names its output `label`, MLServer's scikit-learn runtime `predict`. */
const oipRight = labelled(
  (json: { outputs: { name: string; data: unknown[] }[] }) =>
    json.outputs.find(({ name }) => name === 'label' || name === 'predict')?.data[0],
);
const oipTarget = (port: number): HttpTarget => ({
  port,
  path: '/v2/models/iris/versions/1/infer',
  body: OIP_BODY,
  right: oipRight,
});

/** Version 1 has the hundred trees that the peers have, too. */
const oipTemplate: CallTemplate = {
  name: 'iris',
  path: OIP_INFER,
  bodies: [
    encodeInfer(
      inferRequest('iris', '1', [
        {
          name: 'X',
          datatype: 'FP32',
          shape: [1, 4],
          data: new Uint8Array(Float32Array.from(ROW).buffer),
        },
      ]),
    ),
  ],
  weight: 1,
  rows: 1,
};

/** One contender of a server that is asked over HTTP, or over gRPC once it answers HTTP. */
function contender(
  family: Contender['family'],
  name: string,
  command: (bench: Bench, httpPort: number, grpcPort: number) => Promise<Command> | Command,
  { target, grpc = false }: { readonly target: (port: number) => HttpTarget; readonly grpc?: boolean },
): Contender {
  return {
    family,
    name,
    start: async (bench) => {
      const [httpPort, grpcPort] = [await freePort(), await freePort()];
      const asked = target(httpPort);
      const server = await startProcess(await command(bench, httpPort, grpcPort), () => rightOverHttp(asked));
      const caller = grpc ? grpcCaller(bench.runLoad, grpcPort, oipTemplate) : httpCaller(asked);
      return { server, caller };
    },
  };
}

function sluice(bench: Bench, httpPort: number, grpcPort: number): Command {
  const flags = [
    ...['--grpc-port', String(grpcPort), '--http-port', String(httpPort), '--admin-port', '0'],
    '--metrics-own-port=false',
    ...['--server-supervise', 'off', '--config-file', join(root, 'examples/sluice.yaml')],
  ];
  const argv = [...bench.cores.one, process.execPath, join(root, 'bin/sluice.js'), 'serve', ...flags];
  return { argv, env: {}, cwd: root };
}

const THREADS_OFF = { OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };

function gunicorn(workers: number): (bench: Bench, port: number) => Command {
  return (bench, port) => ({
    argv: [
      ...bench.cores.one,
      join(environment, 'bin/gunicorn'),
      ...['--workers', String(workers), '--bind', `127.0.0.1:${port}`, '--keep-alive', '75'],
      // Its plain worker closes the connection after every answer.
      ...['--worker-class', 'gthread', '--threads', '4', '--log-level', 'error', 'flask_app:app'],
    ],
    env: { ...THREADS_OFF, PEERS_MODEL: join(environment, 'forest.joblib') },
    cwd: peers,
  });
}

function mlserver(batching: boolean): (bench: Bench, http: number, grpc: number) => Promise<Command> {
  return async (bench, http, grpc) => ({
    argv: [...bench.cores.one, join(environment, 'bin/mlserver'), 'start', 'mlserver'],
    env: {
      ...THREADS_OFF,
      MLSERVER_HOST: '127.0.0.1',
      MLSERVER_HTTP_PORT: String(http),
      MLSERVER_GRPC_PORT: String(grpc),
      MLSERVER_METRICS_PORT: String(await freePort()),
      MLSERVER_DEBUG: 'false',
      // In the same process: on one core the fastest of its ways.
      MLSERVER_PARALLEL_WORKERS: '0',
      ...(batching && { MLSERVER_MODEL_MAX_BATCH_SIZE: '64', MLSERVER_MODEL_MAX_BATCH_TIME: '0.005' }),
    },
    cwd: peers,
  });
}

const flaskTarget = (port: number): HttpTarget => ({
  port,
  path: '/predict',
  body: JSON.stringify({ rows: [ROW] }),
  right: labelled((json: { label: unknown[] }) => json.label[0]),
});

export const CONTENDERS: readonly Contender[] = [
  contender('Sluice', 'Sluice, gRPC', sluice, { target: oipTarget, grpc: true }),
  contender('Sluice', 'Sluice, HTTP v2', sluice, { target: oipTarget }),
  contender('Flask', 'Flask, gunicorn with 1 worker', gunicorn(1), { target: flaskTarget }),
  contender('Flask', 'Flask, gunicorn with 3 workers', gunicorn(3), { target: flaskTarget }),
  contender('MLServer', 'MLServer, gRPC', mlserver(false), { target: oipTarget, grpc: true }),
  contender('MLServer', 'MLServer, HTTP', mlserver(false), { target: oipTarget }),
  contender('MLServer', 'MLServer, gRPC, adaptive batching', mlserver(true), {
    target: oipTarget,
    grpc: true,
  }),
];
