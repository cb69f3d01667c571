/** `sluice top` against real servers: what it shows is what happened; a server goes, and comes back; how it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { run } from '../../cli/program.js';
import { createClient } from '../../client/client.js';
import { makeAuthority, makeFolder } from '../support/certificates.js';
import { runHere } from '../support/run-cli.js';
import { runCommand } from '../support/run-server.js';
import { tokenLine } from '../support/tokens.js';
import { useWaiting } from '../support/waiting-server.js';

const MODELS = { wait: { costMs: { fixed: 5 } } };
const ROW = { X: [[1, 2, 3, 4]] };

/** Runs `sluice top` in this process on a terminal of the test's; resolves when it has ended. */
function onTerminal(args: readonly string[]) {
  let text = '';
  let press: (key: string) => void = () => {};
  let keysOff = 0;
  const seen: { wanted: RegExp; found: () => void }[] = [];
  const out = (chunk: string): void => {
    text += chunk;
    for (const { wanted, found } of seen) if (wanted.test(text)) found();
  };
  const ended = run(['top', '--interval', '0.1', ...args], {
    ...{ out, err: out, readText: async () => '', columns: 100 },
    terminal: {
      size: () => ({ columns: 100, rows: 24 }),
      onKey: (listener) => {
        press = listener;
        return () => keysOff++;
      },
    },
  });
  const until = (wanted: RegExp): Promise<void> =>
    new Promise((found) => {
      text = text.slice(-1);
      seen.push({ wanted, found });
    });
  return { ended, until, press: (key: string) => press(key), text: () => text, keysOff: () => keysOff };
}

test('one view for a script: rates, percentiles, workers and refusals are those of the calls meanwhile', async (t) => {
  const { address, httpPort } = await useWaiting(t, MODELS);
  const client = createClient({ address });
  t.after(() => client.close());
  const wait = client.model('wait');
  await wait.predict(ROW);
  const top = runHere(['top', '--once', '--json', '--interval', '0.6', '--metrics', `127.0.0.1:${httpPort}`]);
  await new Promise((r) => setTimeout(r, 150));
  for (let i = 0; i < 8; i++) await wait.predict(ROW);
  await client
    .model('nobody')
    .metadata()
    .catch(() => {});
  await wait.predict({ X: [[1, 2, 3]] }).catch(() => {});
  const { code, stdout, stderr } = await top;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const view = JSON.parse(stdout);
  const [version] = view.versions;
  assert.deepEqual([version.model, version.version, version.state], ['wait', '1', 'available']);
  const counts = [version.requestsPerSec, version.failedPerSec, view.refusedPerSec.bad_request];
  assert.deepEqual(
    counts.map((rate) => Math.round(rate * view.seconds * 1000) / 1000),
    [9, 1, 1],
  );
  assert.equal(version.runs, 8);
  assert.ok(version.runMs >= 4.9 && version.p50Ms >= 5 && version.p99Ms >= version.p50Ms, stdout);
  assert.deepEqual([view.workersWanted, view.slots.ready + (view.slots.busy ?? 0)], [2, 2]);
  assert.equal(view.ready, true);
});

test('live: a server goes and comes back as another, and q leaves everything as it was', async (t) => {
  const first = await useWaiting(t, MODELS);
  const { httpPort } = first;
  const top = onTerminal(['--metrics', `127.0.0.1:${httpPort}`]);
  await top.until(/requests {2}0\/s/);
  await first.gateway.stop();
  await top.until(/NO ANSWER for \d+ s: .*ECONN[\s\S]*wait +1 /);
  const anew = top.until(/started anew/);
  await useWaiting(t, MODELS, { http: { port: httpPort } });
  await anew;
  await top.until(/requests {2}0\/s/);
  top.press('x');
  top.press('q');
  assert.equal(await top.ended, 0);
  assert.ok(top.text().endsWith('\x1b[?25h\x1b[?1049l'));
  assert.equal(top.keysOff(), 1);
});

test('Ctrl-C ends it at once on a terminal, a signal everywhere; without a terminal there are no escape sequences', async (t) => {
  const { httpPort } = await useWaiting(t, MODELS);
  const place = ['--metrics', `127.0.0.1:${httpPort}`];
  const top = onTerminal([...place, '--interval', '3600']);
  await top.until(/requests/);
  top.press('\x03');
  assert.equal(await top.ended, 0);

  const command = runCommand(['top', '--interval', '0.1', ...place]);
  while (command.output().split('MODEL').length < 4) await once(command.child.stdout as never, 'data');
  command.child.kill('SIGINT');
  assert.deepEqual(await command.ended, { code: 0, signal: null });
  assert.ok(!command.output().includes('\x1b'));
  assert.match(command.output(), /^sluice .* ready.*\n(?:.+\n)+\nMODEL/);
});

test('nobody there, no metrics there, and a wrong command line: told apart by their codes', async (t) => {
  const off = await useWaiting(t, MODELS, { metrics: { enabled: false } });
  const top = (...args: string[]) => runHere(['top', '--once', ...args]);
  const nobody = await top('--metrics', '127.0.0.1:9');
  assert.deepEqual([nobody.code, /NO ANSWER .*ECONNREFUSED/.test(nobody.stdout)], [69, true]);
  const none = await top('--metrics', `127.0.0.1:${off.httpPort}`, '--json');
  assert.equal(none.code, 1);
  assert.match(JSON.parse(none.stdout).error.message, /Nothing to be read at .*: HTTP 404/);
  for (const wrong of [
    ['--interval', '0'],
    ['--count', 'x'],
    ['--count', '2'],
    ['--metrics', 'a:b:c'],
  ])
    assert.equal((await top(...wrong)).code, 2, wrong.join(' '));
});

test('a server with TLS and tokens: with its authority and a token that may read; without them, what is wanted', async (t) => {
  const folder = makeFolder(t);
  const authority = makeAuthority('authority');
  const { cert, key } = authority.issue('server');
  const tls = { certFile: folder.write('cert.pem', cert), keyFile: folder.write('key.pem', key), http: true };
  const tokens = tokenLine('reader', 'read', 'r-1');
  const auth = { tokensFile: folder.write('tokens', tokens) };
  const { httpPort, adminAddress } = await useWaiting(t, MODELS, { tls, auth });
  const ca = ['--ca', folder.write('ca.pem', authority.cert)];
  const place = ['--metrics', `127.0.0.1:${httpPort}`];
  const top = (...args: string[]) => runHere(['top', '--once', '--interval', '0.1', ...place, ...args]);
  const token = (text: string) => ['--token-file', folder.write(text, text)];

  const seen = await top(...ca, ...token('r-1'));
  assert.deepEqual([seen.code, seen.stderr], [0, '']);
  assert.match(seen.stdout, /\nwait +1 +available/);
  const doctor = await runHere([
    'doctor',
    '--json',
    '--over',
    '0.2',
    ...place,
    ...ca,
    ...token('r-1'),
    '--endpoint',
    adminAddress,
  ]);
  assert.match(doctor.stdout, /"findings":\[/);

  const answers = [
    [[...ca], /HTTP 401/, 1],
    [[...ca, ...token('x-1')], /HTTP 401/, 1],
    [[...token('r-1')], /Cannot reach http:/, 69],
    [['--tls', ...token('r-1')], /Cannot reach https:.*(?:self.signed|verify|certificate)/, 69],
  ] as const;
  for (const [args, wanted, code] of answers) {
    const refused = await top(...args);
    assert.equal(refused.code, code, args.join(' '));
    assert.match(refused.stdout, wanted);
  }
});

test('a server that accepts and says nothing, or never ends, is given up in time and within bounds', async (t) => {
  const chunk = Buffer.alloc(2 ** 20, '#');
  const odd = createServer((request, response) => {
    if (request.url === '/silent') return;
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      response.once('drain', more);
    };
    more();
  });
  await new Promise<void>((listening) => odd.listen(0, '127.0.0.1', listening));
  t.after(() => {
    odd.closeAllConnections();
    odd.close();
  });
  const { port } = odd.address() as AddressInfo;
  const top = (path: string, timeout: string) =>
    runHere(['top', '--once', '--timeout', timeout, '--metrics', `http://127.0.0.1:${port}/${path}`]);
  const silent = await top('silent', '0.2');
  assert.deepEqual([silent.code, /no answer within 200 ms/.test(silent.stdout)], [69, true]);
  const endless = await top('endless', '30');
  assert.deepEqual(
    [endless.code, /answers more than 67108864 bytes/.test(endless.stdout)],
    [69, true],
    endless.stdout,
  );
});
