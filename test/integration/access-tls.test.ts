import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect } from 'node:tls';
import { AdminClient } from '../../client/admin.js';
import { type ClientOptions, createClient, type SluiceClientError } from '../../client/client.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import { createGateway } from '../../gateway/gateway.js';
import { makeAuthority, makeFolder, type TestCertificate } from '../support/certificates.js';
import { runCli, runHere } from '../support/run-cli.js';
import { EXAMPLES, FREE_PORTS, useGateway } from '../support/use-gateway.js';

const ROW = [[5.1, 3.5, 1.4, 0.2]];

interface Line {
  readonly level: string;
  readonly text: string;
}

/** A server with TLS on loopback, its files in a folder of the test. */
async function secured(t: TestContext, mutual: boolean, admin: Settings['admin'] = {}) {
  const authority = makeAuthority('test authority');
  const folder = makeFolder(t);
  const put = ({ cert, key }: TestCertificate): void => {
    folder.write('cert.pem', cert);
    folder.write('key.pem', key);
  };
  put(authority.issue('first'));
  const lines: Line[] = [];
  const note = (level: string) => (fields: object, text: string) =>
    void lines.push({ level, text: `${text} ${JSON.stringify(fields)}` });
  const logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const tls = {
    certFile: folder.path('cert.pem'),
    keyFile: folder.path('key.pem'),
    reloadSecs: 1,
    ...(mutual && { clientCaFile: folder.write('ca.pem', authority.cert) }),
  };
  const grpc = { openingTimeoutMs: 400 };
  const running = await useGateway(
    t,
    { modelRepository: [EXAMPLES], workers: { count: 1 }, tls, grpc, admin },
    { logger },
  );
  return { ...running, authority, folder, put, lines };
}

/** What one call comes to: `ok`, or the code of its error. */
async function callOnce(t: TestContext, address: string, tls: ClientOptions['tls']): Promise<string> {
  const client = createClient({ address, tls, maxAttempts: 1, deadlineMs: 3000 });
  t.after(() => client.close());
  try {
    await client.model('iris').predict({ X: ROW });
    return 'ok';
  } catch (error) {
    return (error as SluiceClientError).code;
  } finally {
    client.close();
  }
}

/** The subject of the certificate that a new connection is shown. */
function subjectShown(port: number, options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      ...options,
    });
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().subject.CN as string);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 8000; !(await holds()); await sleep(50))
    assert.ok(Date.now() < end, `waited in vain until ${what}`);
}

/** How long a connection lives on which nothing more is said than `hello`. */
function lifeOf(port: number, hello: string): Promise<number> {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket = connectPlain(port, '127.0.0.1');
    socket.on('error', () => {}).on('close', () => resolve(performance.now() - began));
    if (hello !== '') socket.write(hello);
    socket.resume();
  });
}

function get(port: number, path: string, options: object): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, agent: false, ...options }, (answer) => {
      answer.resume();
      resolve(answer.statusCode as number);
    })
      .on('error', reject)
      .end();
  });
}

test('TLS on both ports: calls work, and whoever speaks plainly, slowly or something else is cut', async (t) => {
  const { grpcPort, httpPort, address, authority } = await secured(t, false);
  const ca = Buffer.from(authority.cert);
  assert.equal(await callOnce(t, address, { ca }), 'ok');
  assert.equal(await callOnce(t, address, false), 'UNAVAILABLE', 'a client without TLS');
  const stranger = Buffer.from(makeAuthority('stranger').cert);
  assert.equal(
    await callOnce(t, address, { ca: stranger }),
    'UNAVAILABLE',
    'a client that knows another authority',
  );
  assert.equal(await get(httpPort, '/livez', { ca }), 200);
  await assert.rejects(fetch(`http://127.0.0.1:${httpPort}/livez`));

  const alpn = { ALPNProtocols: ['http/1.1'] };
  await assert.rejects(subjectShown(grpcPort, alpn), { code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
  await assert.rejects(
    subjectShown(grpcPort, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  );
  assert.ok((await lifeOf(grpcPort, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) < 300, 'no TLS');
  assert.ok((await lifeOf(grpcPort, '\x16\x03\x01\x02\x00\x01')) < 2500, 'half a ClientHello');
  assert.ok((await lifeOf(grpcPort, '')) < 2500, 'not a word');
  assert.equal(await callOnce(t, address, { ca }), 'ok', 'afterwards');
});

test('I115 mutual TLS: no certificate, an expired one and one of another authority are refused, a good one is served', async (t) => {
  const { address, httpPort, authority } = await secured(t, true);
  const ca = Buffer.from(authority.cert);
  const shown = ({ cert, key }: TestCertificate) => ({ ca, cert: Buffer.from(cert), key: Buffer.from(key) });
  const good = shown(authority.issue('client'));
  const rows: readonly (readonly [string, Parameters<typeof callOnce>[2], string])[] = [
    ['good', good, 'ok'],
    ['none', { ca }, 'UNAVAILABLE'],
    ['expired', shown(authority.issue('client', -1)), 'UNAVAILABLE'],
    ['of another authority', shown(makeAuthority('stranger').issue('client')), 'UNAVAILABLE'],
    [
      'of another authority with the same name',
      shown(makeAuthority('test authority').issue('client')),
      'UNAVAILABLE',
    ],
    ['good again', good, 'ok'],
  ];
  for (const [what, tls, wanted] of rows) assert.equal(await callOnce(t, address, tls), wanted, what);
  assert.equal(await get(httpPort, '/metrics', good), 200);
  await assert.rejects(get(httpPort, '/metrics', { ca }), 'HTTP without one');
});

test('I115 certificates are rotated under load without a failed call; a pair that does not match is not taken', async (t) => {
  const { address, grpcPort, httpPort, authority, folder, put, lines } = await secured(t, true);
  const ca = Buffer.from(authority.cert);
  const { cert, key } = authority.issue('client');
  const good = { ca, cert: Buffer.from(cert), key: Buffer.from(key) };
  const failed: string[] = [];
  let calls = 0;
  let going = true;
  const lasting = createClient({ address, tls: good, maxAttempts: 1 });
  t.after(() => {
    going = false;
    lasting.close();
  });
  // One connection that stays, and a new one for each call.
  const load = [
    (async () => {
      for (; going; calls++)
        await lasting
          .model('iris')
          .predict({ X: ROW })
          .catch((error) => void failed.push(String(error)));
    })(),
    (async () => {
      for (; going; calls++) {
        const code = await callOnce(t, address, good);
        if (code !== 'ok') failed.push(code);
      }
    })(),
  ];
  const shown = () => subjectShown(grpcPort, good);
  assert.equal(await shown(), 'first');
  for (const name of ['second', 'third']) {
    put(authority.issue(name));
    await until(`${name} is shown`, async () => (await shown()) === name);
  }
  const http = await new Promise<string>((resolve) => {
    const socket = connect({ port: httpPort, host: '127.0.0.1', ...good }, () => {
      resolve(socket.getPeerCertificate().subject.CN as string);
      socket.destroy();
    });
  });
  assert.equal(http, 'third', 'HTTP has it, too');

  const errors = () => lines.filter(({ level }) => level === 'error').map(({ text }) => text);
  const fourth = authority.issue('fourth');
  const bad: readonly (readonly [string, () => void, RegExp])[] = [
    [
      'one half of a pair',
      () => folder.write('cert.pem', fourth.cert),
      /the key is not that of the certificate/,
    ],
    ['a pair that has expired', () => put(authority.issue('old', -1)), /has expired/],
    ['no PEM', () => folder.write('cert.pem', 'nonsense'), /missing: wanted PEM/],
  ];
  for (const [what, replace, wanted] of bad) {
    const before = errors().length;
    replace();
    await until(`${wanted} is logged`, () =>
      errors()
        .slice(before)
        .some((text) => wanted.test(text)),
    );
    assert.equal(await shown(), 'third', what);
  }
  // The second file follows: together they are good.
  put(fourth);
  await until('fourth is shown', async () => (await shown()) === 'fourth');
  going = false;
  await Promise.all(load);
  assert.deepEqual(failed, []);
  assert.ok(calls > 100, `${calls} calls`);
});

test('a certificate that cannot be used stops the start, in words', async (t) => {
  const folder = makeFolder(t);
  const authority = makeAuthority('test authority');
  const one = authority.issue('one');
  const certFile = folder.write('cert.pem', one.cert);
  const rows: readonly (readonly [string, RegExp])[] = [
    [folder.path('none.pem'), /the certificate cannot be used .*none\.pem\): no such file or directory/],
    [folder.write('other.pem', authority.issue('other').key), /the key is not that of the certificate/],
    [folder.write('empty.pem', ''), /PEM/],
  ];
  for (const [keyFile, wanted] of rows) {
    const gateway = createGateway({
      modelRepository: [EXAMPLES],
      ...FREE_PORTS,
      tls: { certFile, keyFile },
    });
    await assert.rejects(gateway.start(), (error: Error) => wanted.test(error.message), String(wanted));
    await gateway.stop();
  }
});

test('the command line over mutual TLS, by options and by variables; and in words where one side speaks plainly', async (t) => {
  const { address, authority, folder } = await secured(t, true);
  const client = authority.issue('client');
  const files = {
    ca: folder.write('authority.pem', authority.cert),
    cert: folder.write('client.pem', client.cert),
    key: folder.write('client-key.pem', client.key),
  };
  const at = ['models', '--address', address];
  const whole = ['--ca', files.ca, '--cert', files.cert, '--key', files.key];
  const named = await runHere([...at, ...whole]);
  assert.equal(named.code, 0, named.stderr);
  const env = { SLUICE_CA: files.ca, SLUICE_CERT: files.cert, SLUICE_KEY: files.key };
  const byVariables = await runCli(at, { env });
  assert.deepEqual([byVariables.code, byVariables.stderr], [0, ''], 'and no warning of a library');
  const rows: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['plain', [], /it may want TLS/],
    ['the authorities of the system', ['--tls'], /no authority that is known here .*--ca/],
    ['no certificate', ['--ca', files.ca], /certificate.* of its clients/],
    ['another name', [...whole, '--server-name', 'other.example'], /is for another name .*DNS:localhost/],
  ];
  for (const [what, options, wanted] of rows) {
    const { code, stderr } = await runHere([...at, ...options]);
    assert.equal(code, 69, what);
    assert.match(stderr, wanted, what);
    assert.doesNotMatch(stderr, /Is the server running/, what);
  }
  assert.equal((await runHere([...at, '--cert', files.cert])).code, 2);
  const plain = await useGateway(t, { modelRepository: [EXAMPLES], workers: { count: 1 } });
  const { stderr } = await runHere(['models', '--address', plain.address, '--ca', files.ca]);
  assert.match(stderr, /speaks plain text there, and TLS was wanted/);
});

test('I115 a symbolic link that is turned to new files, as secrets in Kubernetes are, is a rotation', async (t) => {
  const authority = makeAuthority('test authority');
  const folder = makeFolder(t);
  const turn = (name: string): void => {
    mkdirSync(folder.path(name));
    const { cert, key } = authority.issue(name);
    writeFileSync(folder.path(`${name}/tls.crt`), cert);
    writeFileSync(folder.path(`${name}/tls.key`), key);
    symlinkSync(name, folder.path('..tmp'));
    renameSync(folder.path('..tmp'), folder.path('..data'));
  };
  turn('one');
  for (const file of ['tls.crt', 'tls.key']) symlinkSync(`..data/${file}`, folder.path(file));
  const tls = { certFile: folder.path('tls.crt'), keyFile: folder.path('tls.key'), reloadSecs: 1 };
  const { grpcPort } = await useGateway(t, { modelRepository: [EXAMPLES], workers: { count: 1 }, tls });
  assert.equal(await subjectShown(grpcPort), 'one');
  turn('two');
  await until('two is shown', async () => (await subjectShown(grpcPort)) === 'two');
});

test('the audit and mutual TLS: a line tells the name in the certificate', async (t) => {
  const { address, authority, lines } = await secured(t, true, { openOnGrpc: true });
  const { cert, key } = authority.issue('deployer');
  const tls = { ca: Buffer.from(authority.cert), cert: Buffer.from(cert), key: Buffer.from(key) };
  const client = new AdminClient({ address, tls });
  t.after(() => client.close());
  await client.label({ model: 'iris', label: 'canary', version: 1, force: false });
  const line = lines.find(({ text }) => text.startsWith('audit: '));
  assert.match(line?.text ?? '', /"peer":"127\.0\.0\.1:\d+ as 'deployer'"/);
});

test('I115 a certificate that is revoked while the server runs is let in no more, the others are', async (t) => {
  const authority = makeAuthority('test authority');
  const folder = makeFolder(t);
  const server = authority.issue('server');
  const [good, lost] = [authority.issue('good'), authority.issue('lost')];
  const tls = {
    certFile: folder.write('cert.pem', server.cert),
    keyFile: folder.write('key.pem', server.key),
    clientCaFile: folder.write('ca.pem', authority.cert),
    clientCrlFile: folder.write('crl.pem', authority.revoke()),
    reloadSecs: 1,
  };
  const { address } = await useGateway(t, { modelRepository: [EXAMPLES], workers: { count: 1 }, tls });
  const ask = ({ cert, key }: TestCertificate) =>
    callOnce(t, address, { ca: Buffer.from(authority.cert), cert: Buffer.from(cert), key: Buffer.from(key) });
  assert.deepEqual([await ask(good), await ask(lost)], ['ok', 'ok']);
  folder.write('crl.pem', authority.revoke(lost.cert));
  await until('it is refused', async () => (await ask(lost)) === 'UNAVAILABLE');
  assert.equal(await ask(good), 'ok');
});
