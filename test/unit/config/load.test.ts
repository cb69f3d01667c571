import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveJson, effectiveYaml } from '../../../gateway/config/effective.js';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../../../gateway/config/load.js';
import { ConfigError, type Problem } from '../../../gateway/config/problem.js';
import { NAMED_SETTINGS } from '../../../gateway/config/schema.js';

const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });

function load(options: LoadOptions & { file?: string } = {}): LoadedConfig {
  const { file, ...rest } = options;
  const readFile = (): string => {
    if (file === undefined) throw missing;
    return file;
  };
  return loadConfig({ env: {}, cwd: '/home/me', readFile, ...rest });
}

function problemsOf(options: LoadOptions & { file?: string }): readonly Problem[] {
  try {
    load(options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  assert.fail('no fault was found');
}

test('without any source every setting has its default', () => {
  const { config, sources, warnings } = load();
  assert.equal(config.grpc.port, 8001);
  assert.equal(config.grpc.address, '127.0.0.1');
  assert.equal(config.grpc.maxMessageBytes, 67_108_864);
  assert.equal(config.http.port, 8000);
  assert.equal(config.defaultMaxBatchSize, 256);
  assert.equal(config.strictReadiness, false);
  assert.equal(config.modelName, undefined);
  assert.deepEqual(config.workers, {
    count: 'auto',
    intraOpThreads: 'auto',
    isolation: 'thread',
    spares: 0,
    maxHeapBytes: 'auto',
    maxRssBytes: 'auto',
    hangTimeoutMs: 1000,
    enableWaitingRuntime: false,
  });
  assert.deepEqual(config.modelRepository, []);
  assert.deepEqual(Object.keys(sources).length, NAMED_SETTINGS.length);
  assert.ok(Object.values(sources).every((source) => source === 'default'));
  assert.deepEqual(warnings, []);
});

test('a flag wins over a variable, a variable over the file, the file over the default; each says where it is from', () => {
  const file = 'grpc:\n  port: 1001\nhttp:\n  port: 1002\nserver:\n  id: file\n';
  const env = { SLUICE_HTTP_PORT: '2002', SLUICE_SERVER_ID: 'env' };
  const { config, sources } = load({ file, env, argv: ['--server-id=flag'] });
  assert.deepEqual(
    [config.grpc.port, config.http.port, config.server.id, config.log.level],
    [1001, 2002, 'flag', 'info'],
  );
  assert.equal(sources['grpc.port'], 'file sluice.yaml:2:9');
  assert.equal(sources['http.port'], 'environment SLUICE_HTTP_PORT');
  assert.equal(sources['server.id'], 'flag --server-id');
  assert.equal(sources['log.level'], 'default');
});

test('H110 unknown key, wrong type and clashing overrides are reported all at once, each with its source', () => {
  const file = [
    'grpc:',
    '  prot: 9000',
    '  port: "9000"',
    'http: 8080',
    'models:',
    '  iris: {versionPolicy: {latest: 0}}',
    'modelRepository: s3://bucket',
  ].join('\n');
  const env = { SLUICE_LOG_LEVEL: 'LOUD', SLUICE_GRPC_PORT: '7000' };
  const problems = problemsOf({
    file,
    env,
    argv: ['--http-port=7000', '--strict-readines', '--workers=many'],
  });
  const seen = problems.map(
    ({ path, source, message, hint }) => `${path}|${source}|${message}|${hint ?? ''}`,
  );
  assert.deepEqual(seen.sort(), [
    "--strict-readines|command line|no such flag|Did you mean '--strict-readiness'?",
    'grpc.port and http.port|environment SLUICE_GRPC_PORT, flag --http-port|both are 7000: wanted two different ports|',
    "grpc.port|file sluice.yaml:3:9|wanted a whole number from 0 to 65535, got '9000'|",
    "grpc.prot|file sluice.yaml:2:9|no such setting|Did you mean 'port'?",
    'http|file sluice.yaml:4:7|wanted a mapping of enabled, address, port, maxBodyBytes, maxHeldBytes, nonFinite, int64Strings, allowedHosts, allowedOrigins, got 8080|',
    "log.level|environment SLUICE_LOG_LEVEL|wanted one of debug, info, warn, error, silent, got 'LOUD'|",
    "modelRepository|file sluice.yaml:7:18|wanted a list, each item a path of the local file system, got 's3://bucket'|",
    'models.iris.versionPolicy.latest|file sluice.yaml:6:34|wanted a whole number from 1 to 1000, got 0|',
    "workers.count|flag --workers|wanted auto or a whole number from 1 to 1024, got 'many'|",
  ]);
});

test('H110 the error names the count and every fault, one a line', () => {
  assert.throws(
    () => load({ argv: ['--grpc-port=x', '--http-port=-1'] }),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(
        error.message,
        "2 faults in the configuration:\n  - grpc.port: wanted a whole number from 0 to 65535, got 'x' (flag --grpc-port)\n" +
          "  - http.port: wanted a whole number from 0 to 65535, got '-1' (flag --http-port)",
      );
      return true;
    },
  );
});

const BAD_FILES: readonly [says: string, file: string, path: string, message: RegExp][] = [
  ['a tab as indentation names its line', 'grpc:\n\tport: 1', 'YAML', /tab/i],
  ['a key given twice is a fault', 'grpc: {port: 1, port: 2}', 'YAML', /unique/i],
  ['a list at the top is no configuration', '- 1', 'sluice.yaml', /mapping of settings/],
  ['aliases cannot blow up a small file', bomb(), 'YAML', /alias/i],
  [
    'a file over 1 MiB is refused',
    `#${'x'.repeat(1024 * 1024)}`,
    'configuration file',
    /larger than 1048576/,
  ],
  ['a model name is no path', 'models: {a/b: {}}', 'models.a/b', /a model name/],
  ['a model is a mapping', 'models: {a: 5}', 'models.a', /mapping of versionPolicy, maxBatchSize/],
  ['a caller is a mapping', 'callers: {named: {a: 5}}', 'callers.named.a', /mapping of rowsPerSec, share/],
  ['a caller has a name', 'callers: {named: {" a": {}}}', 'callers.named. a', /a caller name/],
  ['a weight', 'callers: {named: {a: {share: 0}}}', 'callers.named.a.share', /a number from 0.01 to 1000/],
  ['a metadata key', 'callers: {metadataKey: X-Tenant}', 'callers.metadataKey', /a metadata key/],
  ['gRPC’s own key', 'callers: {metadataKey: grpc-timeout}', 'callers.metadataKey', /a metadata key/],
  ['a key of bytes', 'callers: {metadataKey: tenant-bin}', 'callers.metadataKey', /a metadata key/],
  ['an unknown policy', 'models: {a: {versionPolicy: newest}}', 'models.a.versionPolicy', /\{latest: n\}/],
  ['a number in a list of names', 'requiredModels: [1]', 'requiredModels[0]', /wanted a model name/],
  ['a setting without a value', 'grpc: {port: }', 'grpc.port', /got null/],
  ['null for a setting at the top', 'strictReadiness:', 'strictReadiness', /wanted true or false/],
  ['YAML 1.1 words are no booleans', 'strictReadiness: on', 'strictReadiness', /wanted true or false/],
  ['snake case is hinted at', 'model_repository: [a]', 'model_repository', /no such setting/],
];

function bomb(): string {
  const lines = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 9; i++) {
    const [from, to] = [String.fromCharCode(96 + i), String.fromCharCode(97 + i)];
    lines.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(',')}]`);
  }
  return lines.join('\n');
}

for (const [says, file, path, message] of BAD_FILES) {
  test(`file: ${says}`, () => {
    const problem = problemsOf({ file }).find((found) => found.path === path);
    assert.ok(problem, JSON.stringify(problemsOf({ file })));
    assert.match(problem.message, message);
    assert.match(problem.source, /^file sluice\.yaml/);
  });
}

test('a section whose lines are all commented out is empty, not a fault; so is an empty file', () => {
  assert.equal(load({ file: 'grpc:\n#  port: 1\nmodels:\n' }).config.grpc.port, 8001);
  assert.equal(load({ file: '' }).config.grpc.port, 8001);
});

test('a file that was named must be there; sluice.yaml need not', () => {
  const byFlag = problemsOf({ argv: ['--config-file=x.yaml'] });
  assert.deepEqual(byFlag, [
    {
      path: 'configuration file',
      source: 'flag --config-file',
      message: "cannot read 'x.yaml': there is no such file",
    },
  ]);
  const byEnv = problemsOf({ env: { SLUICE_CONFIG: '/etc/x.yaml' } });
  assert.equal(byEnv[0]?.source, 'environment SLUICE_CONFIG');
  // Unreadable is not absent: silence would serve with defaults what was meant to be configured.
  const denied = () => {
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  };
  assert.match(problemsOf({ readFile: denied })[0]?.message ?? '', /permission denied/);
});

test('the real file system is read too: a directory is no file, an absent sluice.yaml is none', () => {
  assert.equal(loadConfig({ env: {}, cwd: '/nowhere' }).config.grpc.port, 8001);
  assert.throws(() => loadConfig({ env: {}, argv: ['--config-file=/'] }), /cannot read '\/'/);
});

test('relative paths start at the file in the file, and at the working directory elsewhere', () => {
  const file = 'modelRepository: [models, /abs]\ncacheDir: cache\n';
  const fromFile = load({ file, argv: ['--config-file=conf/sluice.yaml'] }).config;
  assert.deepEqual(fromFile.modelRepository, ['/home/me/conf/models', '/abs']);
  assert.equal(fromFile.cacheDir, '/home/me/conf/cache');
  const fromFlags = load({
    file,
    argv: ['./a.onnx', '--model-repository', 'b', '--model-store=../c'],
  }).config;
  assert.deepEqual(fromFlags.modelRepository, ['/home/me/a.onnx', '/home/me/b', '/home/c']);
  const fromEnv = load({ env: { SLUICE_MODEL_REPOSITORY: 'a:/b', SLUICE_REQUIRED_MODELS: 'x,y' } }).config;
  assert.deepEqual(fromEnv.modelRepository, ['/home/me/a', '/b']);
  assert.deepEqual(fromEnv.requiredModels, ['x', 'y']);
});

test('a model section is read by name, also for names that every object has', () => {
  const file =
    'models:\n  iris: {versionPolicy: {specific: [1, 3]}, maxBatchSize: 8}\n  b: {versionPolicy: all}\n';
  const { models } = load({ file }).config;
  assert.deepEqual(models['iris'], { versionPolicy: { specific: [1, 3] }, maxBatchSize: 8 });
  assert.equal(models['b']?.versionPolicy, 'all');
  assert.equal(models['constructor'], undefined);
  assert.equal(load().config.models['constructor'], undefined);
});

test('the configuration is frozen to its depth', () => {
  const { config } = load({ file: 'models: {a: {versionPolicy: {specific: [1]}}}', argv: ['m'] });
  const stack: unknown[] = [config];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    assert.ok(Object.isFrozen(item));
    stack.push(
      ...Object.values(item as object).filter((value) => typeof value === 'object' && value !== null),
    );
  }
});

test('variables: empty is unset, an unknown one is warned about with a hint, others are left alone', () => {
  const client = { SLUICE_ADDRESS: 'localhost:8001', SLUICE_ENDPOINT: 'localhost:8003' };
  const env = { SLUICE_GRPC_PORT: '', SLUICE_GRPC_PROT: '1', ...client, HOME: '/x' };
  const { config, warnings } = load({ env });
  assert.equal(config.grpc.port, 8001);
  assert.deepEqual(warnings, [
    "SLUICE_GRPC_PROT is no setting and has no effect. Did you mean 'SLUICE_GRPC_PORT'?",
  ]);
});

test('variables that Kubernetes sets for Services named sluice and sluice-grpc are no settings', () => {
  const { config, warnings } = load({
    env: {
      SLUICE_SERVICE_HOST: '10.0.0.1',
      SLUICE_SERVICE_PORT: '8001',
      SLUICE_SERVICE_PORT_GRPC: '8001',
      SLUICE_PORT: 'tcp://10.0.0.1:8001',
      SLUICE_PORT_8001_TCP_ADDR: '10.0.0.1',
      SLUICE_GRPC_PORT: 'tcp://10.0.0.2:8001',
    },
  });
  assert.equal(config.grpc.port, 8001);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^SLUICE_GRPC_PORT=.*enableServiceLinks/);
});

const CLASHES: readonly [says: string, argv: readonly string[], message: RegExp | undefined][] = [
  ['one port for both listeners', ['--grpc-port=9', '--http-port=9'], /two different ports/],
  [
    'one port, one of them on all addresses',
    ['--grpc-port=9', '--http-port=9', '--http-address=0.0.0.0'],
    /two different ports/,
  ],
  ['one port on two addresses is fine', ['--grpc-port=9', '--http-port=9', '--http-address=::1'], undefined],
  ['any free port twice is fine', ['--grpc-port=0', '--http-port=0'], undefined],
  ['the metrics port for HTTP', ['--http-port=8002'], /http\.port and metrics\.port.*two different ports/],
  ['the metrics port for nothing else', ['--http-port=8002', '--metrics-own-port=false'], undefined],
  ['the port of the admin listener', ['--metrics-port=8003'], /metrics\.port and admin\.port/],
  ['metrics listen where HTTP does', ['--http-address=::1', '--metrics-port=8001'], undefined],
  [
    'unless told otherwise',
    ['--http-address=::1', '--metrics-port=8001', '--metrics-address=127.0.0.1'],
    /grpc\.port and metrics\.port/,
  ],
  ['no listener at all', ['--allow-grpc=false', '--allow-http=false'], /nothing would be served/],
  ['a drain delay beyond the exit', ['--drain-delay-ms=31000'], /outlast the 30 s/],
];
for (const [says, argv, message] of CLASHES) {
  test(`settings together: ${says}`, () => {
    if (message === undefined) assert.ok(load({ argv }));
    else {
      const [problem] = problemsOf({ argv });
      assert.match(`${problem?.path}: ${problem?.message}`, message);
    }
  });
}

test('what will surprise is warned of', () => {
  assert.match(load({ argv: ['--max-queue-bytes=2048'] }).warnings[0] ?? '', /can never be queued/);
  const nowhere = ['--allow-http=0', '--metrics-own-port=0', '--allow-metrics'];
  assert.match(load({ argv: nowhere }).warnings[0] ?? '', /metrics\.enabled has no effect/);
  assert.match(load({ argv: ['--callers-rows-per-sec=5'] }).warnings[0] ?? '', /all callers together/);
  assert.match(load({ file: 'callers: {named: {a: {}}}' }).warnings[0] ?? '', /no effect on gRPC/);
  const told = ['--callers-metadata-key=x-tenant', '--callers-rows-per-sec=5'];
  assert.deepEqual(load({ argv: told }).warnings, []);
});

test('workers beyond the machine are a fault among the others', () => {
  const machine = { cores: 2, coresSource: 'quota', memoryBytes: 1, memorySource: 'x' };
  const [problem] = problemsOf({ argv: ['--workers=3'], machine });
  assert.equal(problem?.path, 'workers.count and workers.intraOpThreads');
  assert.equal(problem?.source, 'flag --workers, default');
  assert.match(problem?.message ?? '', /3 workers x 1 thread exceed the 2 cores available \(quota\)/);
});

test('nothing to serve is a fault only when asked for', () => {
  assert.match(problemsOf({ requireModels: true })[0]?.hint ?? '', /sluice serve \.\/models/);
  assert.ok(load({ requireModels: true, argv: ['m'] }));
});

test('the effective configuration, as YAML, gives the same one again', () => {
  const file =
    'models: {iris: {versionPolicy: {latest: 2}}}\nrequiredModels: [iris]\ncallers: {named: {constructor: {rowsPerSec: 5, share: 2}}}\n';
  const loaded = load({ file, argv: ['m', '--grpc-port=0', '--http-port=0'] });
  const yaml = effectiveYaml(loaded);
  assert.deepEqual(load({ file: yaml }).config, loaded.config);
  assert.match(yaml, /^ {2}port: 0 # flag --grpc-port$/m);
  assert.match(yaml, /^requiredModels: \[ iris \] # file sluice\.yaml:2:17$/m);
  const json = JSON.parse(effectiveJson(loaded)) as Record<string, Record<string, unknown>>;
  assert.deepEqual(json['config'], JSON.parse(JSON.stringify(loaded.config)));
  assert.equal(json['sources']?.['grpc.port'], 'flag --grpc-port');
});
