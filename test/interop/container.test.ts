/** The image of the Dockerfile, built line by line and started read-only, as its user, without one capability. */
import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../support/server-process.js';
import { makeRepository } from '../support/use-gateway.js';
import { buildImage, type Image } from './container/build-image.js';
import { ADDRESS, Container } from './container/run-container.js';
import { skipOrFail } from './tools.js';

const MAX_LAYER_BYTES = 200e6;
const ROW = '[[5.1, 3.5, 1.4, 0.2]]';
const examples = join(repositoryRoot, 'examples');
const sluice = [process.execPath, 'bin/sluice.js'];

interface File {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly bytes: number;
}

function filesBelow(folder: string): File[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => {
    const { mode, uid, size, nlink } = lstatSync(join(folder, path));
    return { path, mode, uid, bytes: (mode & 0o170000) === 0o100000 && nlink === 1 ? size : 0 };
  });
}

/** Answers once for all: what an `exec` or `near` has said, when it ended well. */
async function good(what: ReturnType<Container['exec']>): Promise<string> {
  const { code, stdout, stderr } = await what;
  assert.equal(code, 0, stderr + stdout);
  return stdout;
}

function holdsOnlyWhatItNeeds(t: TestContext, { layer }: Image): void {
  const files = filesBelow(layer);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  t.diagnostic(`${(bytes / 1e6).toFixed(1)} MB in ${files.length} files above the base image`);
  assert.ok(bytes <= MAX_LAYER_BYTES, `${bytes} bytes`);
  const entries = (path: string): string[] => readdirSync(join(layer, path)).sort();
  assert.deepEqual(entries('app'), [
    '.npmrc',
    'LICENSE',
    'bin',
    'dist',
    'node_modules',
    'package-lock.json',
    'package.json',
    'proto',
  ]);
  assert.deepEqual(entries('app/dist'), ['bench', 'cli', 'client', 'gateway', 'worker']);
  const native = files.filter(({ path }) =>
    /onnxruntime-node\/bin\/.*\.(node|dll|dylib|so[.\d]*)$/.test(path),
  );
  const { platform, arch } = process;
  assert.ok(
    native.length >= 2 && native.every(({ path }) => path.includes(`/${platform}/${arch}/`)),
    JSON.stringify(native),
  );
  for (const name of ['typescript', '@biomejs', 'fast-check'])
    assert.ok(!entries('app/node_modules').includes(name), name);
  // Nobody but root may change the program; nothing makes a user root.
  const loose = files.filter(
    ({ path, mode, uid }) =>
      uid !== 0 ||
      (mode & 0o6000) !== 0 ||
      ((mode & 0o002) !== 0 && (mode & 0o120000) !== 0o120000 && path !== 'var/cache/sluice'),
  );
  // The devices are how an overlay says that a file of the base is gone.
  assert.deepEqual(
    loose.filter(({ mode }) => (mode & 0o170000) !== 0o020000),
    [],
  );
}

async function servesLockedDown(t: TestContext, image: Image): Promise<void> {
  const container = await Container.start(t, image, { models: examples });
  const [uid] = image.user.split(':');
  assert.deepEqual(container.status('Uid').split('\t'), [uid, uid, uid, uid]);
  assert.match(container.status('NSpid'), /\t1$/, 'the server is process 1, so that signals reach it');
  assert.equal(BigInt(`0x${container.status('CapPrm')}`), 0n);
  assert.equal(container.status('NoNewPrivs'), '1');
  const { code, stderr } = await container.exec(['touch', '/app/x', '/tmp/x', '/etc/x', '/models/x']);
  assert.deepEqual([code, stderr.match(/Read-only file system/g)?.length], [1, 4]);

  assert.equal(await good(container.exec(image.healthCheck)), 'SERVING\n');
  // From outside: predictions, probes and metrics are answered; what would change the server is not.
  const answer = await good(
    container.near(
      [...sluice, 'predict', 'iris', '--input', ROW, '--address', `${ADDRESS}:8001`],
      repositoryRoot,
    ),
  );
  assert.match(answer, /iris version 2, 1 row/);
  const page = (path: string) =>
    good(container.near(['curl', '-sSf', `http://${ADDRESS}:${path}`], repositoryRoot));
  assert.match(await page('8000/readyz'), /./);
  assert.match(
    await page('8000/metrics'),
    /^sluice_requests_total\{model="iris",version="2",code="OK"\} 1$/m,
  );
  const admin = await container.near(
    [...sluice, 'promote', 'iris', '2', '--endpoint', `${ADDRESS}:8003`],
    repositoryRoot,
  );
  assert.notEqual(admin.code, 0);
  assert.match(admin.stderr, /ECONNREFUSED|UNAVAILABLE|cannot be reached/i);
  const onMain = await container.near(
    [...sluice, 'promote', 'iris', '2', '--endpoint', `${ADDRESS}:8001`],
    repositoryRoot,
  );
  assert.notEqual(onMain.code, 0);
  // Who is in the container may.
  await good(container.exec(['sluice', 'promote', 'iris', '2']));
  assert.equal(await container.stop(), 0);
}

async function drains(t: TestContext, image: Image): Promise<void> {
  const slow = { costMs: { fixed: 1500 }, maxBatchSize: 1 };
  const models = makeRepository(t, { 'wait/1/model.wait.json': Buffer.from(JSON.stringify(slow)) });
  chmodSync(models, 0o755);
  const env = { SLUICE_WORKERS_ENABLE_WAITING_RUNTIME: 'true', SLUICE_SERVER_DRAIN_DELAY_MS: '1500' };
  const container = await Container.start(t, image, { models, env });
  const said = await good(
    container.near([...sluice, 'models', '--address', `${ADDRESS}:8001`, '--json'], repositoryRoot),
  );
  t.diagnostic(said.slice(0, 300));
  const call = container.near(
    [...sluice, 'predict', 'wait', '--input', '[[1, 2, 3, 4]]', '--address', `${ADDRESS}:8001`],
    repositoryRoot,
  );
  await sleep(900);
  const stopped = container.stop();
  await sleep(200);
  // The engine sees at once that it is leaving, and the call that it has is answered.
  const check = await container.exec(image.healthCheck);
  assert.deepEqual([check.code, check.stdout], [1, 'NOT_SERVING\n']);
  await good(call);
  assert.equal(await stopped, 0);
  assert.match(container.output(), /"callsCut":0/);
}

test('the image of the Dockerfile', async (t) => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return skipOrFail(t, 'namespaces', 'only root on Linux can make namespaces and layers');
  const folder = mkdtempSync(join(tmpdir(), 'sluice-image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const image = await buildImage(folder, process.execPath);
  await t.test('holds what it needs and no more: at most 200 MB, one platform', (t) =>
    holdsOnlyWhatItNeeds(t, image),
  );
  await t.test('serves as its user on a read-only tree; its control plane is closed', (t) =>
    servesLockedDown(t, image),
  );
  await t.test('SIGTERM drains: NOT_SERVING, the call in flight is answered, exit code 0', (t) =>
    drains(t, image),
  );
  await t.test('any user, a file of settings in the place of its own, no model yet', async (t) => {
    const models = mkdtempSync(join(folder, 'models-'));
    chmodSync(models, 0o755);
    mkdirSync(join(models, 'none-yet'));
    writeFileSync(join(models, 'sluice.yaml'), 'modelRepository: [/models/none-yet]\nserver: { id: mine }\n');
    const env = { SLUICE_CONFIG: '/models/sluice.yaml' };
    const container = await Container.start(t, image, { models, user: '1000:0', env });
    assert.equal(
      await good(container.exec([...image.healthCheck, '--json'])),
      '{"service":"","status":"SERVING"}\n',
    );
    assert.match(await good(container.exec(['sluice', 'models', '--json'])), /"name":"mine"|\[\]|"models"/);
    assert.equal(await container.stop(), 0);
    const gone = await container.exec(image.healthCheck).catch(() => undefined);
    assert.notEqual(gone?.code, 0);
  });
});
