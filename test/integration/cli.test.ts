import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FakeModel, FakeStatus, fakeIris, startFakeServer } from '../support/fake-oip-server.js';
import { type CliResult, runCli, runHere } from '../support/run-cli.js';

const ROWS = '[[5.1, 3.5, 1.4, 0.2], [6.7, 3, 5.2, 2.3]]';
const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Setup {
  /** Runs a command line in this process; SLUICE_ADDRESS is the fake server's. */
  readonly cli: (args: readonly string[], stdin?: string) => Promise<CliResult>;
  /** The same in a process of its own. */
  readonly spawned: (args: readonly string[], stdin?: string) => Promise<CliResult>;
  /** An empty folder. */
  readonly folder: string;
}

/** A test body with a server and a folder of its own, which are gone when it ends. */
function prepared(body: (setup: Setup) => Promise<void>): () => Promise<void> {
  return async () => {
    const server = await startFakeServer({ iris: fakeIris, pair: PAIR, full: FULL });
    server.health.set('sluice.model/iris', 'NOT_SERVING');
    const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
    const env = { SLUICE_ADDRESS: server.address };
    const spawned = (args: readonly string[], stdin = ''): Promise<CliResult> => runCli(args, { env, stdin });
    Object.assign(process.env, env);
    try {
      await body({ cli: (args, stdin = '') => runHere(args, { stdin }), spawned, folder });
    } finally {
      delete process.env['SLUICE_ADDRESS'];
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

const PAIR: FakeModel = {
  ...fakeIris,
  inputs: ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [-1] })),
  versions: ['7'],
  memoryBytes: 3.25 * 2 ** 20,
};

const FULL: FakeModel = {
  ...fakeIris,
  infer: () => {
    throw new FakeStatus('UNAVAILABLE', 'queue full', { 'grpc-retry-pushback-ms': '5' });
  },
};

test(
  'predict prints a row for each row',
  prepared(async ({ cli }) => {
    const { code, stdout, stderr } = await cli(['predict', 'iris', '--input', ROWS]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(
      stdout,
      /^iris version 2, 2 rows\n\nrow +label +probabilities\n +0 +0 +0\.9700 0\.0150 0\.0150\n +1 +1 /,
    );
  }),
);

test(
  'predict --json prints one line that parses, with the outputs, version and id asked for',
  prepared(async ({ spawned }) => {
    const args = [
      'predict',
      'iris',
      '--input-file',
      '-',
      '--version',
      '1',
      '--output',
      'label',
      '--request-id',
      'q7',
    ];
    const { code, stdout } = await spawned([...args, '--json'], `{"X": ${ROWS}}`);
    assert.equal(code, 0);
    assert.equal(stdout.trimEnd().split('\n').length, 1);
    assert.deepEqual(JSON.parse(stdout), {
      model: 'iris',
      version: '1',
      id: 'q7',
      outputs: { label: { datatype: 'INT64', shape: [2], data: [0, 1] } },
    });
  }),
);

test(
  'the process ends with the exit code of its command',
  prepared(async ({ spawned }) => {
    const table: readonly [args: readonly string[], code: number][] = [
      [['health'], 0],
      [['health', 'sluice.model/iris'], 1],
      [['healthy'], 2],
      [['models', '--address', 'localhost:1'], 69],
      [['config', '--grpc-prt', '1'], 78],
    ];
    for (const [args, code] of table) assert.equal((await spawned(args)).code, code, args.join(' '));
  }),
);

test(
  'each failure has its exit code, and its message names the subject and what is wanted',
  prepared(async ({ cli }) => {
    const table: readonly [args: readonly string[], code: number, stderr: RegExp][] = [
      [
        ['predict', 'irys', '--input', ROWS],
        1,
        /NOT_FOUND: .*'irys'.*\nModels that can be called: iris \(versions 1, 2\), pair/,
      ],
      [['predict', 'broken', '--input', ROWS], 1, /Version 1 of it is UNAVAILABLE: not an ONNX file/],
      [
        ['predict', 'iris', '--input', '[[1]]'],
        1,
        /INVALID_ARGUMENT: .*got \[1,1\]\nModel 'iris' has\n[\s\S]*input +X +FP32 +\[-1, 4\]/,
      ],
      [['predict', 'iris', '--input', '{"Y": [[1]]}'], 1, /model 'iris' has no column 'Y', did you mean 'X'/],
      [
        ['predict', 'iris', '--input', '[["a"]]'],
        1,
        /input 'X': element \[0\]\[0\] is the text 'a'; wanted a number/,
      ],
      [['predict', 'full', '--input', ROWS], 1, /UNAVAILABLE: queue full \(try again in 5 ms\)/],
      [['predict', 'pair', '--input', '[1]'], 1, /wanted a list of 2 values for model 'pair': 'a', 'b'/],
      [['predict', 'iris', '--input', '[[1'], 2, /--input is not JSON/],
      [['predict', 'iris'], 2, /No values are given: .*--input <json> or by --input-file/],
      [['predict'], 2, /missing required argument 'model'/],
      [['predict', 'iris', '--inputs', ROWS], 2, /unknown option '--inputs'[\s\S]*--input\b/],
      [['models', '--timeout', '-1'], 2, /Wanted a number of seconds above 0/],
      [['modells'], 2, /unknown command 'modells'[\s\S]*models/],
      [[], 2, /Usage: sluice/],
      [['health', 'nobody'], 1, /no health is known for 'nobody'/],
      [['models', '--address', 'localhost:1'], 69, /Cannot reach localhost:1: connect ECONNREFUSED/],
      [['health', '--address', 'localhost:1'], 69, /sluice serve/],
      [
        ['predict', 'iris', '--input', ROWS, '--address', 'no-such-host.invalid'],
        69,
        /Cannot reach no-such-host\.invalid/,
      ],
      [['config', '--grpc-prt', '1'], 78, /--grpc-prt: no such flag .*--grpc-port/],
    ];
    for (const [args, code, stderr] of table) {
      const result = await cli(args);
      assert.equal(result.code, code, `${args.join(' ')}\n${result.stderr}`);
      assert.match(result.stderr, stderr, args.join(' '));
      assert.equal(result.stdout, '', args.join(' '));
    }
  }),
);

test(
  'with --json, an error is one line of JSON on standard error',
  prepared(async ({ cli }) => {
    const unknown = await cli(['predict', 'irys', '--input', ROWS, '--json']);
    assert.equal((JSON.parse(unknown.stderr) as { error: { code: string } }).error.code, 'NOT_FOUND');
    const unreachable = await cli(['models', '--json', '--address', 'localhost:1']);
    assert.equal(unreachable.code, 69);
    assert.deepEqual(JSON.parse(unreachable.stderr), {
      error: {
        code: 'UNAVAILABLE',
        message: 'Cannot reach localhost:1: connect ECONNREFUSED 127.0.0.1:1',
        unreachable: true,
      },
    });
  }),
);

test(
  'models lists states, memory and reasons, and signatures when asked for',
  prepared(async ({ cli }) => {
    const plain = await cli(['models']);
    assert.match(plain.stdout, /^MODEL +VERSION +STATE +MEMORY +REASON\niris +1 +READY\niris +2 +READY\n/);
    assert.match(plain.stdout, /\npair +7 +READY +3\.3 MiB\n/);
    assert.match(plain.stdout, /broken +1 +UNAVAILABLE +not an ONNX file/);
    const verbose = await cli(['models', '--verbose', '--json']);
    type Listed = { name: string; memoryBytes?: number; inputs?: unknown };
    const models = JSON.parse(verbose.stdout) as Listed[];
    assert.deepEqual(
      models.map(({ memoryBytes }) => memoryBytes).filter((bytes) => bytes !== undefined),
      [3.25 * 2 ** 20],
    );
    assert.deepEqual(models[0]?.inputs, [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }]);
    assert.equal(models.at(-1)?.inputs, undefined);
  }),
);

test('models of a server without statistics are listed all the same', async () => {
  const server = await startFakeServer({ iris: fakeIris });
  const { code, stdout } = await runHere(['models', '--address', server.address]);
  server.close();
  assert.equal(code, 0);
  assert.match(stdout, /^MODEL +VERSION +STATE +REASON\niris +1 +READY\n/);
});

test(
  'health answers by its exit code',
  prepared(async ({ cli }) => {
    assert.deepEqual(await cli(['health']), { code: 0, stdout: 'SERVING\n', stderr: '' });
    const model = await cli(['health', 'sluice.model/iris', '--json']);
    assert.deepEqual(model, {
      code: 1,
      stdout: '{"service":"sluice.model/iris","status":"NOT_SERVING"}\n',
      stderr: '',
    });
  }),
);

test(
  'config prints what a server would have, with sources, or the schema',
  prepared(async ({ folder }) => {
    writeFileSync(join(folder, 'sluice.yaml'), 'grpc:\n  port: 9001\n');
    const text = await runCli(['config'], { cwd: folder });
    assert.equal(text.code, 0);
    assert.match(text.stdout, /port: 9001 # file sluice\.yaml/);
    const json = await runCli(['config', '--grpc-port', '9002', '--json'], { cwd: folder });
    assert.equal((JSON.parse(json.stdout) as { config: { grpc: { port: number } } }).config.grpc.port, 9002);
    const schema = await runCli(['config', '--schema'], { cwd: folder });
    assert.equal((JSON.parse(schema.stdout) as { type: string }).type, 'object');
  }),
);

test(
  'every help has examples and exit codes, in whatever way it is asked for',
  prepared(async ({ cli }) => {
    for (const name of ['serve', 'predict', 'models', 'config', 'health']) {
      const { code, stdout } = await cli([name, '--help']);
      assert.equal(code, 0);
      assert.match(
        stdout,
        new RegExp(`Usage: sluice ${name}.*Examples:\\n.*sluice ${name}.*Exit codes:`, 's'),
      );
      assert.equal((await cli(['help', name])).stdout, stdout);
    }
    assert.match((await cli(['serve', '--help'])).stdout, /--model-repository/);
  }),
);

test('a reader that goes away ends the command in silence', async () => {
  const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'config', '--schema'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  await once(child, 'close');
  assert.equal(stderr, '');
});

test(
  'bin/sluice.js says what to do when nothing is built yet',
  prepared(async ({ folder }) => {
    cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const { code, stderr } = await runCli(['models'], { main: join(folder, 'bin/sluice.js') });
    assert.equal(code, 1);
    assert.match(stderr, /npm run build/);
  }),
);
