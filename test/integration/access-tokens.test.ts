import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { AdminClient } from '../../client/admin.js';
import { createClient, type SluiceClientError } from '../../client/client.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import { createGateway } from '../../gateway/gateway.js';
import { ModelInferRequestSchema } from '../../gateway/gen/inference/grpc_service_pb.js';
import { makeFolder } from '../support/certificates.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { runCli, runHere } from '../support/run-cli.js';
import { tokenLine } from '../support/tokens.js';
import { EXAMPLES, FREE_PORTS, useGateway } from '../support/use-gateway.js';

const ROW = [[5.1, 3.5, 1.4, 0.2]];
const OIP = '/inference.GRPCInferenceService';

interface Line {
  readonly level: string;
  readonly text: string;
  readonly fields: Record<string, unknown>;
}

/** A server that wants tokens, and every line of its log at every level. */
async function guarded(t: TestContext, tokens: string, settings: Settings = {}) {
  const folder = makeFolder(t);
  const lines: Line[] = [];
  const note = (level: string) => (fields: object, text: string) =>
    void lines.push({ level, text, fields: { ...fields } });
  const logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const auth = { tokensFile: folder.write('tokens', tokens), reloadSecs: 1 };
  const running = await useGateway(
    t,
    { modelRepository: [EXAMPLES], workers: { count: 1 }, auth, ...settings },
    { logger },
  );
  return { ...running, folder, lines };
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: SluiceClientError) => error.code,
  );
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 8000; !(await holds()); await sleep(50))
    assert.ok(Date.now() < end, `waited in vain until ${what}`);
}

function inferBody(model: string): Buffer {
  return frame(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName: model })));
}

test('I111 who has no good token, or not the role, learns nothing of what there is, in words or in time', async (t) => {
  const { grpcPort } = await guarded(t, tokenLine('reader', 'read', 'r-1'));
  const client = new RawClient(grpcPort);
  t.after(() => client.close());
  const ask = async (path: string, model: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const { status, message, trailers, headers: first } = await client.call(path, inferBody(model), headers);
    const { date: _, ...rest } = { ...first, ...trailers };
    return { status, message, rest };
  };
  const infer = `${OIP}/ModelInfer`;
  for (const [token, status] of [
    [undefined, 16],
    ['wrong', 16],
    ['r-1', 7],
  ] as const) {
    const there = await ask(infer, 'iris', token);
    assert.equal(there.status, status);
    assert.deepEqual(await ask(infer, 'nothing', token), there, 'a model that is not there');
    if (token !== 'r-1') assert.deepEqual(await ask(`${OIP}/None`, '', token), there, 'no such method');
    const took: Record<string, number[]> = { iris: [], nothing: [] };
    for (let i = 0; i < 300; i++) {
      for (const model of ['iris', 'nothing']) {
        const began = performance.now();
        await ask(infer, model, token);
        took[model]?.push(performance.now() - began);
      }
    }
    const [a, b] = Object.values(took).map((all) => all.sort((x, y) => x - y)[150] as number) as [
      number,
      number,
    ];
    assert.ok(Math.abs(a - b) < 1, `${a} and ${b} ms`);
  }
});

test('tokens are read anew when their file changes; a broken file keeps those that there are, and says its line', async (t) => {
  const { address, folder, lines, httpPort } = await guarded(t, tokenLine('one', 'infer', 'first'));
  const using = (token: string) => {
    const client = createClient({ address, token, maxAttempts: 1 });
    return codeOf(client.model('iris').predict({ X: ROW })).finally(() => client.close());
  };
  assert.deepEqual([await using('first'), await using('second')], ['ok', 'UNAUTHENTICATED']);
  // Both are good while callers change over.
  folder.write('tokens', tokenLine('one', 'infer', 'first') + tokenLine('one', 'infer', 'second'));
  await until('the second is good', async () => (await using('second')) === 'ok');
  assert.equal(await using('first'), 'ok');
  folder.write('tokens', `${tokenLine('one', 'infer', 'second')}nonsense\n`);
  await until('the fault is told', () => lines.some(({ level }) => level === 'error'));
  const fault = lines.find(({ level }) => level === 'error');
  assert.match(`${fault?.text} ${fault?.fields['why']}`, /what was is kept line 2: it has 1 fields/);
  assert.equal(await using('first'), 'ok', 'as before');
  folder.write('tokens', tokenLine('one', 'infer', 'second'));
  await until('the first is gone', async () => (await using('first')) === 'UNAUTHENTICATED');
  assert.equal(await using('second'), 'ok');

  const get = async (path: string, token?: string) => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    await answer.arrayBuffer();
    return [answer.status, answer.headers.get('www-authenticate')];
  };
  assert.deepEqual(await get('/livez'), [200, null], 'probes have none');
  assert.deepEqual(await get('/metrics'), [401, 'Bearer']);
  assert.deepEqual(await get('/nothing'), [401, 'Bearer']);
  assert.deepEqual(await get('/metrics', 'second'), [200, null]);
  assert.deepEqual(await get('/nothing', 'second'), [404, null]);
});

test('I112 each change leaves a line: who, what, from where and how it ended; so does each refusal', async (t) => {
  const tokens = tokenLine('ops', 'control', 'c-1') + tokenLine('app', 'infer', 'i-1');
  const { address, adminAddress, lines } = await guarded(t, tokens, { admin: { openOnGrpc: true } });
  const make = async (to: string, token?: string) => {
    const client = new AdminClient({ address: to, token });
    const note = { who: 'me', why: 'secret-why' };
    const done = await codeOf(
      client.label({ model: 'iris', label: 'canary', version: 1, force: false }, note),
    );
    const wrong = await codeOf(client.load({ model: 'none', version: 7 }, note));
    await codeOf(client.versions());
    client.close();
    return [done, wrong];
  };
  assert.deepEqual(await make(address, 'c-1'), ['ok', 'NOT_FOUND']);
  assert.deepEqual(await make(address, 'i-1'), ['PERMISSION_DENIED', 'PERMISSION_DENIED']);
  assert.deepEqual(await make(address), ['UNAUTHENTICATED', 'UNAUTHENTICATED']);
  assert.deepEqual(await make(adminAddress), ['ok', 'NOT_FOUND']);
  const audit = lines.filter(({ text }) => text.startsWith('audit: '));
  const label = { model: "'iris'", label: "'canary'", version: 1, says: "'me'" };
  const load = { model: "'none'", version: 7, says: "'me'" };
  const [Label, Load] = ['/sluice.v1.Admin/Label', '/sluice.v1.Admin/Load'];
  assert.deepEqual(
    audit.map(({ fields: { peer, ...fields } }) => {
      assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
      return fields;
    }),
    [
      { token: 'ops', path: Label, what: label, outcome: 'OK' },
      { token: 'ops', path: Load, what: load, outcome: 'NOT_FOUND' },
      { token: 'app', path: Label },
      { token: 'app', path: Load },
      { token: undefined, path: Label },
      { token: undefined, path: Load },
      { token: undefined, path: Label, what: label, outcome: 'OK' },
      { token: undefined, path: Load, what: load, outcome: 'NOT_FOUND' },
    ],
  );
});

test('I116 a token is in no log line, metric or answer, however it is sent', async (t) => {
  const canary = `canary${randomBytes(12).toString('hex')}`;
  const other = `canary${randomBytes(12).toString('hex')}`;
  const { address, grpcPort, httpPort, lines } = await guarded(t, tokenLine('x', 'infer,control', canary), {
    admin: { openOnGrpc: true },
    log: { level: 'debug' },
  });
  const seen: string[] = [];
  for (const token of [canary, other]) {
    const client = createClient({ address, token, maxAttempts: 1 });
    const admin = new AdminClient({ address, token });
    const answers: Promise<unknown>[] = [
      client.model('iris').predict({ X: ROW }),
      client.model('iris').predict({ X: [[1]] }),
      client.model('none').predict({ X: ROW }),
      admin.load({ model: 'none', version: 7 }),
      admin.history(),
    ];
    for (const { status, ...rest } of await Promise.allSettled(answers))
      seen.push(
        status,
        'reason' in rest ? `${rest.reason} ${JSON.stringify(rest.reason)}` : JSON.stringify(rest),
      );
    client.close();
    admin.close();
    const base = `http://127.0.0.1:${httpPort}`;
    for (const path of ['/metrics', '/scheduler', '/none']) {
      const headers = { authorization: `Bearer ${token}` };
      for (const query of ['', `?access_token=${token}`])
        seen.push(await (await fetch(`${base}${path}${query}`, { headers })).text());
      seen.push(await (await fetch(`${base}${path}?access_token=${token}`)).text());
    }
    const raw = new RawClient(grpcPort);
    for (const authorization of [token, `Basic ${token}`, `Bearer ${token}, x`, `Bearer ${token}\t`]) {
      const { message, trailers } = await raw.call(`${OIP}/ModelInfer`, inferBody('iris'), { authorization });
      seen.push(message, JSON.stringify(trailers));
    }
    raw.close();
  }
  assert.ok(lines.length > 3 && seen.length > 40, `${lines.length} lines, ${seen.length} answers`);
  const all = [...lines.map((line) => JSON.stringify(line)), ...seen];
  const leaks = all.filter((text) => text.includes(canary) || text.includes(other));
  assert.deepEqual(leaks, []);
  assert.ok(
    all.some((text) => text.includes('"token":"x"')),
    'the log tells the name',
  );
});

test('the command line: makes a token that is good, shows it from a file or the environment, says what is missing', async (t) => {
  const made = await runHere(['token', 'ops', '--role', 'infer,control', '--json']);
  const { token, line } = JSON.parse(made.stdout) as { token: string; line: string };
  const { address, folder } = await guarded(t, `${line}\n`, { admin: { openOnGrpc: true } });
  const tokenFile = folder.write('token', `${token}\n`);
  const at = ['models', '--address', address];
  assert.equal((await runHere([...at, '--token-file', tokenFile])).code, 0);
  const none = await runHere(at);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /UNAUTHENTICATED: a valid token is wanted.*\n.*--token-file/);
  const odd = await runHere([...at, '--token-file', folder.write('odd', `${token} ${token}`)]);
  assert.equal(odd.code, 1);
  assert.ok(odd.stderr.includes('The token is none') && !odd.stderr.includes(token), odd.stderr);
  const missing = await runHere([...at, '--token-file', folder.path('none')]);
  assert.equal(missing.code, 2);
  const change = ['label', 'iris', 'canary', '1', '--endpoint', address];
  assert.equal((await runCli(change, { env: { SLUICE_TOKEN: token } })).code, 0);
  assert.equal((await runCli(change, { env: { SLUICE_TOKEN_FILE: tokenFile } })).code, 0);
});

test('a file of tokens that cannot be used stops the start, in words', async (t) => {
  const folder = makeFolder(t);
  const rows: readonly (readonly [string, RegExp])[] = [
    [folder.path('none'), /the file of tokens cannot be used .*none\): no such file or directory/],
    [folder.write('bad', 'x y\n'), /line 1: it has 2 fields/],
  ];
  for (const [tokensFile, wanted] of rows) {
    const gateway = createGateway({ modelRepository: [EXAMPLES], ...FREE_PORTS, auth: { tokensFile } });
    await assert.rejects(gateway.start(), wanted);
    await gateway.stop();
  }
});
