/** Whatever the documents tell people to type does what they say: run against the server that `npm start` starts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import {
  codeBlocks,
  type GrpcurlCall,
  grpcurlCalls,
  localLinks,
  readDocument,
  shellWords,
} from '../support/markdown.js';
import { type CliResult, runCli, runHere } from '../support/run-cli.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { REPOSITORY_ROOT } from '../support/use-gateway.js';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/ARCHITECTURE.md',
  'docs/CONFIG.md',
  'docs/ERRORS.md',
  'examples/iris/README.md',
  'examples/node/README.md',
  'examples/python/README.md',
  'examples/grpcurl/README.md',
];
const ADMIN = ['versions', 'label', 'promote', 'rollback', 'history', 'load', 'unload'];
const COMMANDS = ['serve', 'predict', 'models', 'config', 'health', ...ADMIN];
/** Addresses that examples make up, and what stands for them here. */
const MADE_UP: Readonly<Record<string, (ports: ServerProcess) => string>> = {
  '10.0.0.7:8001': ({ grpcPort }) => `localhost:${grpcPort}`,
  'a:8003,b:8003': ({ adminPort }) => `localhost:${adminPort},127.0.0.1:${adminPort}`,
  'dns:///sluice-admin:8003': ({ adminPort }) => `dns:///localhost:${adminPort}`,
};

const readme = readDocument('README.md');
let server: ServerProcess;
/** Inside the checkout, where `sluice/client` is this package; holds the rows.json and flowers.csv that examples name. */
let folder: string;

const checks: [title: string, check: () => void | Promise<void>][] = [];
/** A subtest of the one test, since all use its server. */
function check(title: string, body: () => void | Promise<void>): void {
  checks.push([title, body]);
}

test('what the documents tell people to type does what they say', async (t) => {
  folder = mkdtempSync(fileURLToPath(new URL('../readme-', import.meta.url)));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  server = await startServerProcess({ args: ['--config-file', 'examples/sluice.yaml'] });
  t.after(() => server.stop());
  const { rows } = JSON.parse(readDocument('examples/iris/predictions.json')) as { rows: number[][] };
  writeFileSync(join(folder, 'rows.json'), JSON.stringify(rows.slice(0, 5)));
  const flowers = rows.slice(0, 5).map((row) => row.join());
  writeFileSync(join(folder, 'flowers.csv'), `${flowers.join('\n')}\n`);
  for (const [title, body] of checks) await t.test(title, body);
});

/** Runs a documented line with the server of this test in place of localhost:8001, and `config` in place of `serve`. */
function runLine(line: string): Promise<CliResult> {
  const [before = '', command = ''] = /^(.*?)(?:npx )?(sluice .*)$/.exec(line)?.slice(1) ?? [];
  // What surrounds it in a shell: a variable in front or a pipe to read from; a pipe or file to write to.
  const [name, value] = /^(SLUICE_\w+)=(\S+) $/.exec(before)?.slice(1) ?? [];
  const stdin = before.endsWith('| ') ? readFileSync(join(folder, 'rows.json'), 'utf8') : '';
  const words = shellWords(command.replace(/ +#.*$/, '').replace(/ [|>] .*$/, '')).slice(1);
  const args = words.map((word) => MADE_UP[word]?.(server) ?? word);
  if (args[0] === 'serve') args[0] = 'config';
  if (args[0] === 'bench') args.push('--quiet', '--warmup', '10ms', '--duration', '30ms');
  const env = {
    SLUICE_ADDRESS: `localhost:${server.grpcPort}`,
    SLUICE_ENDPOINT: `localhost:${server.adminPort}`,
    ...(name && value && { [name]: value }),
  };
  // A generator of load measures this process with it: it gets one of its own.
  return (args[0] === 'bench' ? runCli : runHere)(args, { stdin, env, cwd: folder });
}

check('README: the first prediction answers what it shows', async () => {
  const [block = ''] = codeBlocks(readme, '').filter((text) => text.startsWith('$ npx sluice predict'));
  const [line = '', ...shown] = block.split('\n');
  const { code, stdout, stderr } = await runLine(line);
  assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: '', stdout: shown.join('\n') });
});

check('README: every other command line is understood', async () => {
  const lines = codeBlocks(readme, '')
    .flatMap((block) => block.split('\n'))
    .filter((line) => line.startsWith('npx sluice') && !line.includes('<command>'));
  assert.equal(lines.length, 11, lines.join('\n'));
  for (const line of lines) {
    const { code, stderr } = await runLine(line);
    assert.deepEqual({ line, code, stderr }, { line, code: 0, stderr: '' });
  }
});

check('the examples in every help text work', async () => {
  for (const command of ['', ...COMMANDS]) {
    const { stdout } = await runHere([command, '--help'].filter((word) => word !== ''));
    const examples = /\nExamples:\n([\s\S]*)\n\nExit codes:/.exec(stdout)?.[1] ?? '';
    const lines = examples.split('\n').filter((line) => /^ {2}[^# ]/.test(line));
    assert.ok(lines.length >= 3, stdout);
    for (const line of lines) {
      const { code, stdout: out, stderr } = await runLine(line.trim());
      assert.equal(code, 0, `${line}\n${out}${stderr}`);
    }
  }
  // What the other pages count on.
  await runLine('sluice promote iris 2');
});

check('every grpcurl line is a valid message of its method and answered OK', async () => {
  const pages = [readme, readDocument('examples/grpcurl/README.md')];
  const [inReadme, inExample] = pages.map(grpcurlCalls) as [GrpcurlCall[], GrpcurlCall[]];
  assert.deepEqual([inReadme.length, inExample.length], [1, 6]);
  const [first] = (await call(inReadme[0] as GrpcurlCall)) as unknown as [InferAnswer];
  assert.equal(first.modelVersion, '2');
  const answers = [];
  for (const each of inExample) answers.push((await call(each))[0]);
  // The last is the prediction whose labels the page then decodes.
  const { rawOutputContents } = answers.at(-1) as unknown as InferAnswer;
  assert.ok(pages[1]?.includes(`echo '${rawOutputContents[0]?.toString('base64')}' | base64 -d`));
});

interface InferAnswer {
  readonly modelVersion: string;
  readonly rawOutputContents: readonly Buffer[];
}

/** Sends a body as grpcurl does: the message must be able to say all of it. */
async function call({ method, body }: GrpcurlCall): Promise<[answer: object]> {
  const [service = '', name = ''] = method.split('/');
  const definition = loadSync(['inference/grpc_service.proto', 'grpc/health/v1/health.proto'], {
    includeDirs: [join(REPOSITORY_ROOT, 'proto')],
    enums: String,
    longs: String,
  });
  const rpc = (definition[service] as Record<string, Rpc>)[name] as Rpc;
  const said = rpc.requestDeserialize(rpc.requestSerialize(snakeToCamel(body)));
  assert.deepEqual(said, snakeToCamel(body, Math.fround), `${method} understands ${JSON.stringify(body)}`);
  const client = new Client(`localhost:${server.grpcPort}`, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: object) =>
        error === null ? resolve([answer as object]) : reject(error);
      client.makeUnaryRequest(
        rpc.path,
        rpc.requestSerialize,
        rpc.responseDeserialize,
        snakeToCamel(body),
        done,
      );
    });
  } finally {
    client.close();
  }
}

interface Rpc {
  readonly path: string;
  requestSerialize(value: object): Buffer;
  requestDeserialize(bytes: Buffer): object;
  responseDeserialize(bytes: Buffer): object;
}

/** Field names as proto-loader has them; `toNumber` is what the wire does to fractions. */
function snakeToCamel(value: unknown, toNumber = (number: number) => number): object {
  return JSON.parse(JSON.stringify(value), (_, inner: unknown) => {
    if (typeof inner === 'number') return Number.isInteger(inner) ? inner : toNumber(inner);
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner).map(([key, each]) => [
      key.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase()),
      key === 'shape' ? (each as number[]).map(String) : each,
    ]);
    return Object.fromEntries(entries) as object;
  }) as object;
}

check('README: the TypeScript snippet compiles, runs and ends by itself', () => {
  const [snippet = ''] = codeBlocks(readme, 'ts');
  const path = join(folder, 'snippet.mts');
  writeFileSync(path, snippet.replace('localhost:8001', `localhost:${server.grpcPort}`));
  compile(path);
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.replace(/mts$/, 'mjs')], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\[ 0 \] \[ \[ 0\.999\d*, 0\.000\d*, 0 \] \]\n$/);
});

check('README: the snippet that serves in its own process compiles, runs and ends by itself', () => {
  const [, snippet = ''] = codeBlocks(readme, 'ts');
  const path = join(folder, 'embedded.mts');
  writeFileSync(path, snippet.replace('port: 8001', 'port: 0'));
  compile(path);
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.replace(/mts$/, 'mjs')], {
    cwd: REPOSITORY_ROOT,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\d+ \[[\s\S]*model: 'iris'[\s\S]*state: 'available'/);
});

check('examples/node/README.md: the TypeScript snippet compiles', () => {
  const [snippet = ''] = codeBlocks(readDocument('examples/node/README.md'), 'ts');
  const path = join(folder, 'service.mts');
  writeFileSync(path, `declare function useTheDefault(): void;\n${snippet}`);
  compile(path);
});

/** Under the settings of this checkout, against the built package. */
function compile(path: string): void {
  const tsc = join(REPOSITORY_ROOT, 'node_modules/typescript/bin/tsc');
  const flags = [
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--strict',
    '--noUncheckedIndexedAccess',
    '--types',
    'node',
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, ...flags, '--ignoreConfig', path], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
}

check(
  'what npm start says names the models, the workers with the reason, and a call that works',
  async () => {
    const line = server
      .output()
      .split('\n')
      .find((text) => text.includes('"msg":"serving"'));
    const event = JSON.parse(line ?? '') as {
      models: string[];
      why: string;
      tryIt: string;
      available: number;
    };
    assert.deepEqual(event.models, ['iris/1 available', 'iris/2 available']);
    assert.equal(event.available, 2);
    assert.match(event.why, /^\d+ workers? x \d+ threads?, .*cores?/);
    assert.ok(event.tryIt.includes(`--address localhost:${server.grpcPort}`));
    const { code, stdout } = await runLine(event.tryIt);
    assert.equal(code, 0);
    assert.match(stdout, /^iris version 2, 1 row\n/);
  },
);

check('every link between documents and every npm script that they name exists', () => {
  const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };
  for (const path of PAGES) {
    const page = readDocument(path);
    for (const target of localLinks(page))
      assert.ok(existsSync(join(REPOSITORY_ROOT, dirname(path), target)), `${path} links to ${target}`);
    for (const [, script = ''] of page.matchAll(/npm run ([\w:-]+)/g))
      assert.ok(script in scripts, `${path} names npm run ${script}`);
    for (const [, file = ''] of page.matchAll(/`((?:gateway|worker|client|cli|test|bench)\/[\w./-]+\.ts)`/g))
      assert.ok(existsSync(join(REPOSITORY_ROOT, file)), `${path} names ${file}`);
  }
});
