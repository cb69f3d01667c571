/** What the documents say is what the code does. `npm run docs` mends the generated ones. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KNOWN_FLAGS } from '../gateway/config/flags.js';
import { configJsonSchema } from '../gateway/config/json-schema.js';
import { loadConfig } from '../gateway/config/load.js';
import type { StatusCode } from '../gateway/core/error.js';
import { HTTP_STATUS } from '../gateway/http/status.js';
import { HONOURED_FIELDS, IGNORED_FIELDS } from '../gateway/repository/config-fields.js';
import { SCENARIOS } from './faults/scenarios.js';
import { configPage, EXAMPLE_FILE } from './support/docs/config-page.js';
import { CODES, errorsPage, REASONS } from './support/docs/errors-page.js';
import { failuresPage, faultRows, faultTable } from './support/docs/failures-page.js';
import { metricsPage } from './support/docs/metrics-page.js';
import { PREDICTION_RPCS, refusalTable } from './support/docs/tfs-table.js';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** The TypeScript of the server, without generated code and without the tables of codes themselves. */
function serverSource(): string {
  return ['gateway', 'worker']
    .flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
        .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
        .filter((path) => path.endsWith('.ts') && !path.includes('/gen/'))
        .filter((path) => path !== 'gateway/core/error.ts' && !path.endsWith('/status.ts')),
    )
    .map(read)
    .join('\n');
}

test('docs/CONFIG.md equals the schema', () => {
  assert.equal(read('docs/CONFIG.md'), configPage());
});

test('docs/sluice.schema.json equals the schema', () => {
  assert.deepEqual(
    JSON.parse(read('docs/sluice.schema.json')),
    JSON.parse(JSON.stringify(configJsonSchema())),
  );
});

test('the configuration file shown in docs/CONFIG.md is a good one', () => {
  const { config, warnings } = loadConfig({ env: {}, cwd: '/etc', readFile: () => EXAMPLE_FILE });
  assert.equal(config.models['iris']?.maxBatchSize, 64);
  assert.deepEqual(config.modelRepository, ['/etc/models']);
  assert.deepEqual(warnings, []);
});

test('docs/ERRORS.md equals the tables of codes and reasons', () => {
  assert.equal(read('docs/ERRORS.md'), errorsPage());
});

test('docs/METRICS.md equals the tables of metrics', () => {
  assert.equal(read('docs/METRICS.md'), metricsPage());
});

test('docs/FAILURES.md tells of every scenario of npm run test:faults, of each what it is, and has the words of its template', () => {
  const page = read('docs/FAILURES.md');
  const table = faultTable(page);
  assert.equal(page, failuresPage(table));
  assert.deepEqual(
    faultRows(table).map(({ name }) => name),
    SCENARIOS.map(({ name }) => name),
  );
  for (const { name, what } of SCENARIOS) assert.ok(table.includes(`| ${name} | ${what} |`), name);
});

test('docs/TENSORFLOW-SERVING.md has every refusal that is replayed, names every RPC, and only flags that there are', () => {
  const page = read('docs/TENSORFLOW-SERVING.md');
  assert.ok(
    page.includes(`\n\n${refusalTable()}\n\n`),
    `the table of refusals is not this:\n${refusalTable()}`,
  );
  for (const rpc of [...PREDICTION_RPCS, 'GetModelStatus', 'HandleReloadConfigRequest'])
    assert.match(page, new RegExp(`^\\|.*\\b${rpc}\\b.*\\|`, 'm'));
  const flags = [...page.matchAll(/`(--[a-z_-]+)/g)].map(([, flag]) => (flag as string).replaceAll('_', '-'));
  const known = [...KNOWN_FLAGS, '--only'];
  assert.deepEqual(
    flags.filter((flag) => !known.includes(flag)),
    [],
  );
});

test('the table of config.pbtxt in docs/PROTOCOLS.md names every field that is honoured or ignored, and no other', () => {
  const fields = (what: string) =>
    [...read('docs/PROTOCOLS.md').matchAll(/^\| (.*?) \| (\w+) \|/gm)]
      .filter((row) => row[2] === what)
      .flatMap((row) => [...(row[1] as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name as string))
      .sort();
  // A message is documented by its fields, unless it means something by itself.
  const leaves = (names: ReadonlySet<string>, documented: readonly string[]) =>
    [...names]
      .filter(
        (name) => documented.includes(name) || ![...names].some((other) => other.startsWith(`${name}.`)),
      )
      .sort();
  const honoured = fields('honoured');
  assert.deepEqual(honoured, leaves(HONOURED_FIELDS, honoured));
  assert.deepEqual(fields('ignored'), [...IGNORED_FIELDS].sort());
});

test('every status code and reason of core/error.ts is documented, and none besides', () => {
  const union = (name: string): string[] => {
    const [, body = ''] =
      new RegExp(`export type ${name} =([^;]*);`).exec(read('gateway/core/error.ts')) ?? [];
    return [...body.matchAll(/'(\w+)'/g)].map((match) => match[1] as string).sort();
  };
  assert.deepEqual(Object.keys(CODES).sort(), union('StatusCode'));
  assert.deepEqual(Object.keys(HTTP_STATUS).sort(), union('StatusCode'));
  assert.deepEqual(Object.keys(REASONS).sort(), union('Reason'));
});

test('a code is documented as sent if and only if the server makes it', () => {
  const source = serverSource();
  const made = (Object.keys(CODES) as StatusCode[]).filter((code) => source.includes(`'${code}'`));
  const documented = (Object.keys(CODES) as StatusCode[]).filter((code) => CODES[code].by === 'sluice');
  assert.deepEqual(made.sort(), documented.sort());
});

test('every documented reason is given by the server', () => {
  const source = serverSource();
  const unused = Object.keys(REASONS).filter((reason) => !source.includes(`'${reason}'`));
  assert.deepEqual(unused, []);
});
