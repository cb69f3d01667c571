import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KNOWN_FLAGS } from '../../../gateway/config/flags.js';
import { renderFlagsHelp } from '../../../gateway/config/flags-help.js';
import { FOREIGN_FLAGS } from '../../../gateway/config/foreign-flags.js';
import { loadConfig } from '../../../gateway/config/load.js';
import { ConfigError } from '../../../gateway/config/problem.js';
import { type Config, NAMED_SETTINGS } from '../../../gateway/config/schema.js';

const noFile = () => {
  throw Object.assign(new Error(), { code: 'ENOENT' });
};

function load(argv: readonly string[]) {
  return loadConfig({ argv, env: {}, cwd: '/', readFile: noFile });
}

function fault(argv: readonly string[]): string {
  try {
    load(argv);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  assert.fail(`no fault in ${argv.join(' ')}`);
}

/** Argument lists found in public manifests; they must start the server as they are. */
const REAL_LINES: readonly [whose: string, argv: readonly string[], expected: (config: Config) => unknown][] =
  [
    [
      'the ClusterServingRuntime kserve-tritonserver (kserve/kserve config/runtimes)',
      [
        'tritonserver',
        '--model-store=/mnt/models',
        '--grpc-port=9000',
        '--http-port=8080',
        '--allow-grpc=true',
        '--allow-http=true',
      ],
      ({ modelRepository, grpc, http }) =>
        modelRepository[0] === '/mnt/models' && grpc.port === 9000 && http.port === 8080,
    ],
    [
      "KServe's own triton predictor before runtimes existed",
      [
        'trtserver',
        '--model-store=/mnt/models',
        '--grpc-port=9000',
        '--http-port=8080',
        '--allow-poll-model-repository=false',
        '--allow-grpc=true',
        '--allow-http=true',
      ],
      ({ grpc }) => grpc.port === 9000,
    ],
    [
      'a Python operator that writes True',
      ['tritonserver', '--model-store=/mnt/models', '--http-port=8080', '--allow-http=True'],
      ({ http }) => http.enabled,
    ],
    [
      'the ClusterServingRuntimes kserve-sklearnserver, -xgbserver, -lgbserver',
      ['--model_name=iris', '--model_dir=/mnt/models', '--http_port=8080'],
      ({ modelName, modelRepository, http }) =>
        modelName === 'iris' && modelRepository[0] === '/mnt/models' && http.port === 8080,
    ],
    [
      'the ClusterServingRuntime kserve-huggingface-tritonserver',
      ['--model_name=iris', '--model_dir=/mnt/models', '--log_error'],
      ({ log }) => log.level === 'info',
    ],
    [
      'the ServingRuntime triton-2.x of kserve/modelmesh-serving',
      [
        'tritonserver',
        '--model-repository=/models/_triton_models',
        '--model-control-mode=explicit',
        '--strict-model-config=false',
        '--strict-readiness=false',
        '--allow-http=true',
        '--allow-vertex-ai=false',
      ],
      ({ strictReadiness }) => !strictReadiness,
    ],
    [
      'an operator that polls',
      [
        'tritonserver',
        '--model-store=/mnt/models',
        '--grpc-port=8001',
        '--http-port=8000',
        '--allow-grpc=true',
        '--allow-http=true',
        '--allow-metrics=true',
        '--metrics-port=8002',
        '--model-control-mode=poll',
        '--repository-poll-secs=60',
        '--exit-on-error=true',
        '--log-error=true',
        '--log-warning=true',
        '--log-verbose=0',
      ],
      ({ log, metrics }) => log.level === 'info' && metrics.enabled && metrics.port === 8002,
    ],
  ];

for (const [whose, argv, expected] of REAL_LINES) {
  test(`a start-up line works as it is: ${whose}`, () => {
    assert.ok(expected(load(argv).config));
  });
}

test('ignored flags each say their consequence, and only when they ask for something else', () => {
  const { warnings } = load([
    '--allow-poll-model-repository=true',
    '--cache-config=local,size=1048576',
    '--cache-config',
    'local,other=1',
    '--metrics-interval-ms=2000',
    '--allow-vertex-ai=false',
    '--rate-limit=off',
    '--exit-on-error=0',
  ]);
  assert.deepEqual(
    warnings.map((warning) => warning.split(':')[0]),
    [
      '--allow-poll-model-repository has no effect',
      '--cache-config has no effect',
      '--metrics-interval-ms has no effect',
    ],
  );
  assert.match(warnings[1] ?? '', /no response cache: requests are always computed$/);
});

test('a flag whose loss would be dangerous is refused, unless it asks for what happens anyway', () => {
  assert.match(fault(['--grpc-use-ssl=true']), /tls\.certFile is missing: calls would travel unencrypted/);
  assert.match(fault(['--grpc-use-ssl-mutual']), /tls\.certFile is missing: calls would travel unencrypted/);
  assert.match(fault(['--grpc-restricted-protocol=inference,k=v']), /open to every caller/);
  assert.match(fault(['--http-restricted-api=inference,k=v']), /open to every caller/);
  assert.deepEqual(load(['--grpc-use-ssl=false']).warnings, []);
});

test('called as Triton, the server says that it listens on loopback only, until it is told where', () => {
  const [warning] = load(['tritonserver']).warnings;
  assert.match(warning ?? '', /--grpc-address=0\.0\.0\.0 --http-address=0\.0\.0\.0.*SLUICE_GRPC_ADDRESS/);
  assert.deepEqual(load(['tritonserver', '--grpc-address=0.0.0.0', '--http-address=::']).warnings, []);
  assert.deepEqual(load([]).warnings, []);
});

const SWITCHES: readonly [argv: readonly string[], grpc: boolean, repositories: number][] = [
  [['--allow-grpc=true'], true, 0],
  [['--allow-grpc=1'], true, 0],
  [['--allow-grpc=ON'], true, 0],
  [['--allow-grpc'], true, 0],
  [['--allow-grpc=false'], false, 0],
  [['--allow-grpc=0'], false, 0],
  [['--allow-grpc=off'], false, 0],
  // As getopt reads it.
  [['--allow-grpc', 'false'], false, 0],
  [['--allow-grpc', './models'], true, 1],
  [['--allow-grpc', '--http-port=1'], true, 0],
  // The last one counts.
  [['--allow-grpc=false', '--allow-grpc=true'], true, 0],
];
for (const [argv, enabled, repositories] of SWITCHES) {
  test(`switch: ${argv.join(' ')}`, () => {
    const { config } = load(argv);
    assert.equal(config.grpc.enabled, enabled);
    assert.equal(config.modelRepository.length, repositories);
  });
}

const LOG_LINES: readonly [argv: readonly string[], level: string][] = [
  [['--log-verbose=1'], 'debug'],
  [['--log-verbose', '2'], 'debug'],
  [['--log-verbose=true'], 'debug'],
  [['--log-verbose=0'], 'info'],
  [['--log-info=true'], 'info'],
  [['--log-info=false'], 'warn'],
  [['--log-info=0', '--log-warning=0'], 'error'],
  [['--log-info=0', '--log-warning=0', '--log-error=0'], 'silent'],
  [['--log-warning=false'], 'info'],
  [['--log-info=0', '--log-info=1'], 'info'],
  [['--log-verbose=1', '--log-level=error'], 'error'],
];
for (const [argv, level] of LOG_LINES) {
  test(`Triton's log flags: ${argv.join(' ')} is ${level}`, () => {
    assert.equal(load(argv).config.log.level, level);
  });
}

test("Triton's log formats and --load-model=* are taken, with a word", () => {
  const { config, warnings } = load(['--log-format=ISO8601', '--load-model=*', '--load-model=iris']);
  assert.equal(config.log.format, 'auto');
  assert.deepEqual(config.requiredModels, ['iris']);
  assert.equal(warnings.length, 2);
});

test("TensorFlow Serving's flags are taken as they are, whichever way their words are joined", () => {
  const { config, warnings } = load([
    ...['--port=8500', '--rest_api_port=8501', '--model_name=half', '--model_base_path=/models/half'],
    ...['--model_config_file=/models.config', '--enable_batching=true', '--tensorflow_session_parallelism=4'],
  ]);
  assert.deepEqual([config.grpc.port, config.http.port, config.modelName], [8500, 8501, 'half']);
  assert.deepEqual([config.modelBasePath, config.modelConfigFile], ['/models/half', '/models.config']);
  assert.equal(warnings.length, 2);
  assert.match(warnings.join(), /session-parallelism has no effect.*modelBasePath has no effect/s);
});

const FAULTS: readonly [argv: readonly string[], message: RegExp][] = [
  [['--grpc-prot=1'], /--grpc-prot: no such flag \(command line\)\. Did you mean '--grpc-port'\?/],
  [['--qqqqqqqqqqqqqqqqq'], /sluice serve --help lists all flags/],
  [['-p', '1'], /-p: no such flag/],
  [['--grpc-port'], /--grpc-port: wanted a value after it, got none/],
  [['--grpc-port', '--http-port=1'], /--grpc-port: wanted a value after it/],
  [['--grpc-port=65536'], /wanted a whole number from 0 to 65535, got '65536'/],
  [['--grpc-port=1.5'], /got '1\.5'/],
  [['--grpc-port='], /got ''/],
  [['--allow-grpc=yes'], /grpc\.enabled: wanted true or false, got 'yes'/],
  [['--exit-on-error=maybe'], /--exit-on-error: wanted true or false/],
  [['--log-verbose=loud'], /--log-verbose: wanted a whole number/],
  [['--grpc-address=localhost:8001'], /without a port/],
  [['--model-repository=s3://bucket/models'], /a path of the local file system/],
  [['--load-model=../x'], /a model name/],
  [['--ssl_config_file=/x'], /--tls-cert-file/],
];
for (const [argv, message] of FAULTS) {
  test(`fault: ${argv.join(' ')}`, () => {
    assert.match(fault(argv), message);
  });
}

test('after -- everything is a path', () => {
  assert.deepEqual(load(['--', '--odd']).config.modelRepository, ['/--odd']);
});

test('no flag has two meanings, and every setting but models has a flag and a variable', () => {
  assert.equal(new Set(KNOWN_FLAGS).size, KNOWN_FLAGS.length);
  const spelled = NAMED_SETTINGS.flatMap((named) => named.flags).concat(
    FOREIGN_FLAGS.map(({ flag }) => `--${flag}`),
  );
  assert.equal(new Set(spelled).size, spelled.length);
  const bare = NAMED_SETTINGS.filter((named) => named.flags.length === 0 || named.env === undefined);
  assert.deepEqual(
    bare.map((named) => named.path),
    ['models', 'callers.named'],
  );
});

test('help shows every flag with its default and variable, within the width', () => {
  const help = renderFlagsHelp(80);
  for (const { flags, env, path } of NAMED_SETTINGS) {
    if (path === 'models' || path === 'callers.named') continue;
    for (const flag of flags) assert.ok(help.includes(`${flag}`), flag);
    assert.ok(help.includes(`[${env}]`), env);
  }
  assert.match(help, /\[default: 67108864 bytes \(64 MiB\)\]/);
  for (const line of help.split('\n')) assert.ok(line.length <= 80 || line.startsWith('  --'), line);
});
