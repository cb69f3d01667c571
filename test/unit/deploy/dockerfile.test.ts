/** What the Dockerfile says, where no engine is needed to see it; test/interop/container.test.ts builds and starts it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../gateway/config/load.js';
import {
  environmentOf,
  ignores,
  lastOf,
  parseDockerfile,
  type Stage,
  wordsOf,
} from '../../support/container/dockerfile.js';
import { repositoryRoot } from '../../support/server-process.js';

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');
const stages = parseDockerfile(read('Dockerfile'));
const final = stages.at(-1) as Stage;
const ignored = ignores(read('.dockerignore'));

/** Sources of a stage's COPY instructions that come from the build's context. */
const copied = ({ instructions }: Stage): string[] =>
  instructions
    .filter(({ name, flags }) => name === 'COPY' && flags['from'] === undefined)
    .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));

test('several stages, and the last begins anew: no compiler, no development dependency stays', () => {
  assert.ok(stages.length > 1);
  const names = stages.map(({ name }) => name);
  assert.ok(!names.includes(final.base), 'the last stage must not be built on an earlier one');
  for (const { instructions } of stages)
    for (const { flags } of instructions)
      if (flags['from'] !== undefined) assert.ok(names.includes(flags['from']), flags['from']);
  const installs = stages.flatMap(({ instructions }) =>
    instructions.filter(({ text }) => text.includes('npm ci')),
  );
  assert.ok(installs.some(({ text }) => text.includes('--omit=dev')));
});

test('what is copied is there and in the context, and nothing else is in it but what is copied', () => {
  const sources = new Set(stages.flatMap(copied));
  for (const source of sources) {
    assert.ok(existsSync(join(repositoryRoot, source)), `${source} is copied and does not exist`);
    assert.ok(!ignored(source), `${source} is copied and .dockerignore leaves it out`);
  }
  const tracked = execFileSync('git', ['ls-files'], { cwd: repositoryRoot, encoding: 'utf8' })
    .trim()
    .split('\n');
  const needless = tracked.filter(
    (path) =>
      !ignored(path) && ![...sources].some((source) => path === source || path.startsWith(`${source}/`)),
  );
  // deploy/image is there as a whole, for what else an image may need.
  assert.deepEqual(needless, []);
  for (const path of [
    '.git/config',
    'node_modules/zod/package.json',
    'dist/cli/main.js',
    'test/run.ts',
    'docs/CONFIG.md',
  ])
    assert.ok(ignored(path), path);
  assert.ok(ignored('bench/models/made/x.onnx'));
  assert.ok(!ignored('gateway/gen/google/rpc/status_pb.ts'));
});

test('it runs as a user by number who is not root, without a shell in between, and is told to stop by SIGTERM', () => {
  const [uid = 0, gid = 0] = (lastOf(final, 'USER')?.text ?? '0:0').split(':').map(Number);
  assert.ok(uid >= 1000 && gid >= 1000, 'Kubernetes takes only a number for a user who is not root');
  assert.deepEqual(wordsOf(lastOf(final, 'ENTRYPOINT')?.text ?? ''), ['sluice']);
  assert.deepEqual(wordsOf(lastOf(final, 'CMD')?.text ?? ''), ['serve']);
  assert.equal(lastOf(final, 'STOPSIGNAL')?.text, 'SIGTERM');
  const user = final.instructions.findIndex(({ name }) => name === 'USER');
  assert.ok(!final.instructions.slice(user).some(({ name }) => name === 'RUN' || name === 'COPY'));
});

test('its health check is the command line, with deadlines that fit into the engine', () => {
  const { flags = {}, text = '' } = lastOf(final, 'HEALTHCHECK') ?? {};
  const words = wordsOf(text.replace(/^CMD\s+/, ''));
  assert.deepEqual(words.slice(0, 2), ['sluice', 'health']);
  const seconds = (flag: string): number => Number(/^(\d+)s$/.exec(flags[flag] ?? '')?.[1]);
  assert.ok(Number(words[words.indexOf('--timeout') + 1]) < seconds('timeout'));
  assert.ok(seconds('timeout') < seconds('interval'));
});

test('as shipped it can be called and measured from outside, and not changed', () => {
  const { SLUICE_CONFIG: file, ...env } = environmentOf(final);
  const source = final.instructions.find(({ name, text }) => name === 'COPY' && text.endsWith(` ${file}`));
  assert.ok(file !== undefined && source !== undefined, 'the file that SLUICE_CONFIG names is copied');
  const { config, warnings } = loadConfig({
    env: { ...env, SLUICE_CONFIG: file },
    cwd: '/',
    readFile: (path) => (path === file ? read(source.text.split(/\s+/)[0] as string) : ''),
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual([config.grpc.address, config.http.address], ['0.0.0.0', '0.0.0.0']);
  assert.equal(config.metrics.enabled, true);
  assert.deepEqual(config.modelRepository, ['/models']);
  // Loopback of a network of its own: only who is in the container reaches it.
  assert.equal(config.admin.address, '127.0.0.1');
  const { openOnGrpc } = config.admin;
  const { allowFileOverrides, allowLoops } = config;
  const { allowRuntimeSettings } = config.server;
  assert.deepEqual(
    { openOnGrpc, allowFileOverrides, allowLoops, allowRuntimeSettings },
    { openOnGrpc: false, allowFileOverrides: false, allowLoops: false, allowRuntimeSettings: false },
  );
  assert.deepEqual(wordsOf(lastOf(final, 'VOLUME')?.text ?? ''), [config.cacheDir]);
  const exposed = lastOf(final, 'EXPOSE')?.text.split(/\s+/).map(Number);
  assert.deepEqual(exposed, [config.http.port, config.grpc.port, config.metrics.port]);
});

test('.dockerignore: the last rule that fits counts, and one for a folder counts for what is in it', () => {
  const left = ignores('# rules\n*\n!a\n!b/c\na/x*\n**/*.tmp\n');
  const table: readonly (readonly [path: string, out: boolean])[] = [
    ['z', true],
    ['a', false],
    ['a/y/z', false],
    ['a/x1', true],
    ['a/x1/y', true],
    ['b/c/d', false],
    ['b/d', true],
    ['ab', true],
    ['a/y.tmp', true],
    ['a/q/y.tmp', true],
  ];
  for (const [path, out] of table) assert.equal(left(path), out, path);
});
