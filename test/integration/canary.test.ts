/** A secret through every door of a real server; then all that the server has ever written or told is searched for it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeInfer, inferRequest } from '../../bench/targets/oip.js';
import { AdminClient } from '../../client/admin.js';
import { createClient, type SluiceClient } from '../../client/client.js';
import { gatherModel, readStringsModel } from '../support/onnx-model.js';
import { type OtlpReceiver, useReceiver } from '../support/otlp/receiver.js';
import { frame, RawClient, type RawHeaders } from '../support/raw-grpc.js';
import { runCli, runHere } from '../support/run-cli.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { tokenLine } from '../support/tokens.js';
import { makeRepository } from '../support/use-gateway.js';

const OIP = '/inference.GRPCInferenceService';
const INFER = `${OIP}/ModelInfer`;

/** One secret for each door, so that a leak names it. */
class Canaries {
  readonly #made: { readonly door: string; readonly secret: string }[] = [];

  /** Letters and digits, so that no encoding of text changes it. */
  text(door: string): string {
    return this.#add(door, `canary${randomBytes(9).toString('hex')}`);
  }

  /** A whole number that no server makes by chance. */
  number(door: string): number {
    const digits = this.#add(door, `7${randomBytes(6).readUIntBE(0, 6) % 10 ** 14}`.padEnd(15, '3'));
    return Number(digits);
  }

  get count(): number {
    return this.#made.length;
  }

  /** The doors whose secret is in a text: as it is, or in base64, wherever it begins there. */
  in(text: string): string[] {
    return this.#made
      .filter(({ secret }) => formsOf(secret).some((form) => text.includes(form)))
      .map(({ door }) => door);
  }

  #add(door: string, secret: string): string {
    this.#made.push({ door, secret });
    return secret;
  }
}

function formsOf(secret: string): string[] {
  const shifted = [0, 1, 2].map((by) =>
    Buffer.from(' '.repeat(by) + secret)
      .toString('base64')
      // What its neighbours are mixed into is not looked at.
      .slice(by === 0 ? 0 : 4, -4),
  );
  return [secret, ...shifted];
}

interface Running {
  readonly server: ServerProcess;
  readonly receiver: OtlpReceiver;
  readonly canaries: Canaries;
  readonly client: SluiceClient;
  readonly raw: RawClient;
  readonly good: string;
}

async function serve(t: TestContext): Promise<Running> {
  const canaries = new Canaries();
  const receiver = await useReceiver(t);
  const good = canaries.text('a token that is let in');
  const folder = makeRepository(t, {
    'models/gather/1/model.onnx': gatherModel(),
    'models/strings/1/model.onnx': readStringsModel(),
    tokens: Buffer.from(tokenLine('me', 'infer,read,control', good)),
  });
  const server = await startServerProcess({
    args: [
      ...['--model-repository', join(folder, 'models'), '--workers', '1', '--log-level', 'debug'],
      ...['--auth-tokens-file', join(folder, 'tokens'), '--allow-runtime-settings=true'],
      ...['--log-redact-inputs', 'I', '--log-redact-inputs', 'X', '--trace-slow-ms', '0'],
      ...[
        '--model-control-mode',
        'explicit',
        '--load-model',
        'gather',
        '--load-model',
        'strings',
        '--log-call-lines-per-sec',
        '1000',
      ],
      ...['--trace-baggage', 'tenant'],
    ],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.httpPort}`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${canaries.text('a header for the collector')}`,
      OTEL_BSP_SCHEDULE_DELAY: '10',
    },
  });
  t.after(() => server.stop());
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}`, token: good, maxAttempts: 1 });
  const raw = new RawClient(server.grpcPort);
  t.after(() => {
    client.close();
    raw.close();
  });
  return { server, receiver, canaries, client, raw, good };
}

function body(data: Uint8Array, name = 'I', datatype = 'INT64', shape = [1, 1]): Buffer {
  return frame(encodeInfer(inferRequest('gather', '', [{ name, datatype, shape, data }])));
}

/** In metadata and headers, with calls that go well and calls that do not; what they are answered. */
async function throughHeaders({ server, canaries, raw, good }: Running): Promise<string[]> {
  const row = new Uint8Array(BigInt64Array.of(1n).buffer);
  const authorization = `Bearer ${good}`;
  const sent: RawHeaders[] = [
    { authorization, 'x-api-key': canaries.text('metadata') },
    { authorization, cookie: `session=${canaries.text('a cookie')}` },
    { authorization, 'x-secret-bin': Buffer.from(canaries.text('binary metadata')).toString('base64') },
    { authorization, 'proxy-authorization': canaries.text('another authorization') },
    { authorization, 'user-agent': canaries.text('the user agent') },
    { authorization, baggage: `password=${canaries.text('baggage that nobody asked for')}` },
    { authorization: `Bearer ${canaries.text('a token that is not known')}` },
    { authorization: `Basic ${Buffer.from(`me:${canaries.text('a password')}`).toString('base64')}` },
    { authorization: `${authorization}, Bearer ${canaries.text('a second token')}` },
    { authorization: canaries.text('a token without a scheme') },
  ];
  const answers: string[] = [];
  for (const headers of sent)
    for (const [path, message] of [
      [INFER, body(row)],
      [INFER, frame(Buffer.from('nonsense'))],
      [INFER, body(row, 'none')],
      ['/no.Such/Method', body(row)],
      ['/sluice.v1.Admin/History', frame(Buffer.alloc(0))],
    ] as const) {
      const {
        headers: head,
        trailers,
        message: said,
      } = await raw.call(path, message, { ...headers, 'sluice-debug': '1' });
      answers.push(JSON.stringify([head, trailers, said]));
    }
  // Who is let in is told of paths, but of no query.
  for (const path of ['/metrics', '/scheduler', '/none']) {
    const url = `http://127.0.0.1:${server.httpPort}${path}?secret=${canaries.text(`the query of a good ${path}`)}`;
    const response = await fetch(url, {
      headers: { authorization, 'x-api-key': canaries.text(`a header of a good ${path}`) },
    });
    answers.push(await response.text());
  }
  for (const path of ['/metrics', '/scheduler', '/readyz', '/none'])
    for (const method of ['GET', 'POST']) {
      const url = `http://127.0.0.1:${server.httpPort}${path}?token=${canaries.text(`the query of ${method} ${path}`)}`;
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${canaries.text(`the token of ${method} ${path}`)}`,
          'x-api-key': canaries.text(`a header of ${method} ${path}`),
        },
        ...(method === 'POST' && { body: canaries.text(`the body of ${method} ${path}`) }),
      });
      answers.push(JSON.stringify([...response.headers]), await response.text());
    }
  return answers;
}

/** In the data of inputs that are to be kept secret: of calls that go well, and of those that the model or the server refuses. */
async function throughInputs({ canaries, client, raw, good }: Running): Promise<void> {
  const gather = client.model('gather');
  const strings = client.model('strings');
  const calls = [
    () => gather.predict({ I: [[canaries.number('an index out of the table')]] }, { requestId: 'r-1' }),
    () => gather.predict({ I: [[1], [canaries.number('one beside a good one')]] }, { requestId: 'r-2' }),
    () => strings.predict({ X: [[canaries.text('a string'), 'a', 'b', 'c']] }, { requestId: 'r-3' }),
    () => strings.predict({ X: [[canaries.text('a string of a wrong shape')]] }, { requestId: 'r-4' }),
    () =>
      strings.predict(
        { X: [[`${canaries.text('a string that is cut')}\0`, 'a', 'b', 'c']] },
        { requestId: 'r-5' },
      ),
  ];
  for (const call of calls) await call().catch(() => {});
  const authorization = `Bearer ${good}`;
  const garbage = Buffer.from(canaries.text('bytes of a wrong length'));
  const bytes = Buffer.concat([
    Buffer.of(99, 0, 0, 0),
    Buffer.from(canaries.text('a string of a wrong length')),
  ]);
  for (const message of [
    body(garbage),
    body(bytes, 'X', 'BYTES'),
    frame(Buffer.from(canaries.text('what is no message'))),
    Buffer.from(canaries.text('what is no frame')),
  ])
    await raw.call(INFER, message, { authorization });
}

/** On the admin listener and as runtime settings: values and files, where names are told and values are not. */
async function throughAdmin({ server, canaries, client, raw, good }: Running): Promise<string[]> {
  const admin = new AdminClient({ address: `127.0.0.1:${server.adminPort}` });
  await admin.load({ model: 'none', version: 1 }).catch(() => {});
  admin.close();
  const { create, toBinary } = await import('@bufbuild/protobuf');
  const pb = await import('../../gateway/gen/inference/grpc_service_pb.js');
  const load = create(pb.RepositoryModelLoadRequestSchema, {
    modelName: 'gather',
    parameters: {
      config: {
        parameterChoice: {
          case: 'stringParam',
          value: JSON.stringify({
            parameters: { key: { string_value: canaries.text('a parameter of a load') } },
          }),
        },
      },
      'file:1/model.onnx': {
        parameterChoice: { case: 'bytesParam', value: Buffer.from(canaries.text('a file of a load')) },
      },
    },
  });
  const answer = await raw.call(
    `${OIP}/RepositoryModelLoad`,
    frame(toBinary(pb.RepositoryModelLoadRequestSchema, load)),
    { authorization: `Bearer ${good}` },
  );
  const onAdmin = new RawClient(server.adminPort);
  await onAdmin.call(
    `${OIP}/RepositoryModelLoad`,
    frame(toBinary(pb.RepositoryModelLoadRequestSchema, load)),
  );
  onAdmin.close();
  await client.models();
  return [answer.message];
}

/** As what is no HTTP at all, on each port. */
async function throughSockets({ server, canaries }: Running): Promise<void> {
  for (const port of [server.grpcPort, server.httpPort, server.adminPort]) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end(`GET /${canaries.text(`no request, port ${port}`)} HTTP/9\r\n\r\n`);
    socket.resume();
    await new Promise((closed) => socket.once('close', closed));
  }
}

/** All that can be learned of a server afterwards. */
async function toldBy({ server, receiver, client, good }: Running): Promise<Record<string, string>> {
  const env = { SLUICE_TOKEN: good };
  const metrics = ['--metrics', `127.0.0.1:${server.httpPort}`];
  const admin = ['--endpoint', `127.0.0.1:${server.adminPort}`];
  const commands = {
    why: ['why', '--limit', '500', '--json', ...admin],
    history: ['history', '--json', ...admin],
    top: ['top', '--once', '--interval', '0.1', '--json', ...metrics],
    doctor: ['doctor', '--over', '0.1', '--json', ...metrics, ...admin],
  };
  const told: Record<string, string> = {};
  for (const [name, args] of Object.entries(commands)) {
    const { stdout, stderr } = await runCli(args, { env });
    assert.equal(stderr, '', name);
    told[name] = stdout;
  }
  const headers = { authorization: `Bearer ${good}` };
  for (const path of ['metrics', 'scheduler'])
    told[path] = await (await fetch(`http://127.0.0.1:${server.httpPort}/${path}`, { headers })).text();
  told['index'] = JSON.stringify(await client.models());
  await receiver.until((spans) => spans.length > 50);
  await server.stop();
  told['spans'] = JSON.stringify(receiver.spans);
  told['log'] = server.output();
  return told;
}

test('I116 a secret through every door is in no log line, span, metric, page or record, nor in what anybody else is answered', async (t) => {
  const running = await serve(t);
  const { canaries } = running;
  const answers = [...(await throughHeaders(running)), ...(await throughAdmin(running))];
  await throughInputs(running);
  await throughSockets(running);
  const told: Record<string, string> = { ...(await toldBy(running)), answers: answers.join('\n') };
  const leaks = Object.entries(told).flatMap(([where, text]) =>
    canaries.in(text).map((door) => `${door}: in ${where}`),
  );
  assert.deepEqual(leaks, []);
  t.diagnostic(
    `${canaries.count} doors; ${Object.entries(told)
      .map(([where, { length }]) => `${where} ${length}`)
      .join(', ')} characters`,
  );
  // Something is told of these calls; it is only the secrets that are not.
  for (const [where, sign] of [
    ['log', '"requestId":"r-1"'],
    ['log', '"path":"/inference.GRPCInferenceService/RepositoryModelLoad"'],
    ['why', '"requestId":"r-2"'],
    ['spans', '"sluice.request.id":"r-3"'],
    ['metrics', 'sluice_requests_total{model="gather",version="1",code="INVALID_ARGUMENT"}'],
    ['answers', 'grpc-status'],
  ] as const)
    assert.ok(told[where]?.includes(sign), `${sign} is not in ${where}: ${told[where]?.slice(0, 2000)}`);
  // The search finds what is there.
  assert.deepEqual(canaries.in(`x${running.good}x`), ['a token that is let in']);
  assert.deepEqual(canaries.in(Buffer.from(`ab${running.good}cd`).toString('base64')), [
    'a token that is let in',
  ]);
});

test('I116 files of tokens and keys that cannot be read are not quoted by the error that says so', async (t) => {
  const canaries = new Canaries();
  const folder = makeRepository(t, {
    'models/gather/1/model.onnx': gatherModel(),
    tokens: Buffer.from(`me infer ${canaries.text('a token that is not hashed')}\n`),
    'cert.pem': Buffer.from(`-----BEGIN CERTIFICATE-----\n${canaries.text('a certificate')}\n`),
    'key.pem': Buffer.from(`-----BEGIN PRIVATE KEY-----\n${canaries.text('a key')}\n`),
  });
  const base = [
    'serve',
    '--model-repository',
    join(folder, 'models'),
    '--grpc-port',
    '0',
    '--http-port',
    '0',
    '--admin-port',
    '0',
  ];
  const supervise = ['--server-supervise', 'off'];
  for (const [what, ...args] of [
    ['tokens', '--auth-tokens-file', join(folder, 'tokens')],
    ['certificate', '--tls-cert-file', join(folder, 'cert.pem'), '--tls-key-file', join(folder, 'key.pem')],
  ]) {
    const { code, stdout, stderr } = await runCli([...base, ...supervise, ...args]);
    assert.equal(code, 78, `${what}: ${stdout}${stderr}`);
    assert.ok(stderr.length > 20);
    assert.deepEqual(canaries.in(stdout + stderr), [], what);
  }
  const secret = canaries.text('a token of the command line');
  const file = join(folder, 'no-token');
  const { writeFileSync } = await import('node:fs');
  writeFileSync(file, `${secret} with a space`);
  for (const command of [['models'], ['why'], ['top', '--once'], ['doctor', '--over', '0.1']]) {
    const where = command[0] === 'top' || command[0] === 'doctor' ? ['--metrics', '127.0.0.1:9'] : [];
    const { stdout, stderr } = await runHere([...command, ...where, '--token-file', file]);
    assert.deepEqual(canaries.in(stdout + stderr), [], command.join(' '));
  }
});
