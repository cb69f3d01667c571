/** `sluice golden record` through the command line, against a real server that then holds a version against what was recorded. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../support/model-changes.js';
import { runHere } from '../support/run-cli.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';
import { temporaryDirectory } from '../support/worker-kits.js';

const WATCH = { watch: { pollMs: 40, confirmMs: 20 } };
const MODEL_1 = join(EXAMPLES, 'iris/1/model.onnx');
const MODEL_2 = join(EXAMPLES, 'iris/2/model.onnx');

interface Told {
  readonly rows: readonly number[][];
  readonly '1': { readonly label: readonly number[]; readonly probabilities: readonly number[][] };
}

/** What scikit-learn answered, as a data frame writes it: features and scores side by side. */
function scoredCsv(): string {
  const told = JSON.parse(readFileSync(join(EXAMPLES, 'iris/predictions.json'), 'utf8')) as Told;
  const rows = told.rows.map((row, i) =>
    [i, ...row, told[1].label[i], ...(told[1].probabilities[i] as readonly number[])].join(','),
  );
  return `${['row,sepal_length,sepal_width,petal_length,petal_width,species,p0,p1,p2', ...rows].join('\n')}\n`;
}

const SCORES = ['--ignore', 'row', '--output', 'label=species', '--output', 'probabilities=p0,p1,p2'];

async function setUp(t: TestContext) {
  const repository = makeRepository(t, { 'iris/1': join(EXAMPLES, 'iris/1') });
  const settings = { modelRepository: [repository], workers: { count: 1 } };
  const { gateway, address } = await useGateway(t, settings, WATCH);
  const folder = await temporaryDirectory(t);
  const csv = join(folder, 'scored.csv');
  writeFileSync(csv, scoredCsv());
  const record = (...args: string[]) =>
    runHere(['golden', 'record', 'iris', '--csv', csv, ...args], { env: { SLUICE_ADDRESS: address } });
  /** Puts a version there as a copy from elsewhere would be: with its golden answers at once. */
  const put = (version: number, model: string, golden: string): void => {
    mkdirSync(join(repository, 'iris', String(version)));
    writeFileSync(join(repository, 'iris', String(version), 'golden.jsonl'), golden);
    copyFileSync(model, join(repository, 'iris', String(version), 'model.onnx'));
  };
  const settled = async (version: number) => {
    const entry = () => gateway.catalog.list().find((each) => each.version === version);
    await until(
      () => ['available', 'failed'].includes(entry()?.state ?? ''),
      () => JSON.stringify(entry()),
    );
    return { state: entry()?.state, reason: entry()?.reason ?? '' };
  };
  return { gateway, folder, record, put, settled };
}

test('E89 scores of a CSV file are recorded; the version that gives them is served, one that does not is FAILED with row, output, got and wanted', async (t) => {
  const { gateway, folder, record, put, settled } = await setUp(t);
  const out = join(folder, 'golden.jsonl');
  const done = await record(...SCORES, '--rows', '100', '--out', out, '--json');
  assert.deepEqual({ code: done.code, stderr: done.stderr }, { code: 0, stderr: '' });
  assert.deepEqual(JSON.parse(done.stdout), {
    model: 'iris',
    rows: 100,
    of: 150,
    expected: 'csv',
    inputs: { X: ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'] },
    outputs: { label: ['species'], probabilities: ['p0', 'p1', 'p2'] },
    out,
  });
  const golden = readFileSync(out, 'utf8');
  assert.equal(golden.split('\n').length, 102);
  assert.match(
    golden,
    /^\{"note":"scores of scored\.csv"\}\n\{"inputs":\{"X":\[\[5\.1,3\.5,1\.4,0\.2\]\]\},"outputs":\{"label":\[0\],"probabilities":\[\[/,
  );
  put(2, MODEL_1, golden);
  assert.deepEqual(await settled(2), { state: 'available', reason: '' });
  // One score of the third row is another one.
  const lines = golden.split('\n');
  const third = JSON.parse(lines[3] as string) as { outputs: { probabilities: number[][] }; note: string };
  (third.outputs.probabilities[0] as number[])[1] = 0.25;
  put(3, MODEL_1, lines.with(3, JSON.stringify(third)).join('\n'));
  const changed = await settled(3);
  assert.equal(changed.state, 'failed');
  assert.match(
    changed.reason,
    /golden\.jsonl: 1 of 100 lines missed, first line 4 \('scored\.csv line \d'\), output 'probabilities', element \[0, 1\]: got [\d.]+, wanted 0\.25 /,
  );
  // Another model than that which was scored.
  put(4, MODEL_2, golden);
  assert.match((await settled(4)).reason, /golden\.jsonl: \d+ of 100 lines missed, first line/);
  assert.deepEqual(gateway.catalog.available('iris'), [1, 2], 'the former one is kept');
});

test('without columns of scores the answers of the running server are recorded, all of one version', async (t) => {
  const { record, put, settled } = await setUp(t);
  const features = ['--input', 'X=sepal_length,sepal_width,petal_length,petal_width'];
  const done = await record(...features, '--tolerance', '0,1e-4');
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /^150 of 150 rows, answers of iris version 1\n {2}inputs {3}X=sepal_length,/);
  const [header, first] = done.stdout.split('\n');
  assert.deepEqual(JSON.parse(header as string), {
    tolerance: { absolute: 0, relative: 1e-4 },
    note: 'answers of iris version 1',
  });
  const { outputs } = JSON.parse(first as string) as {
    outputs: { label: number[]; probabilities: [[number, number, number]] };
  };
  assert.deepEqual(outputs.label, [0]);
  const [[setosa, ...others]] = outputs.probabilities;
  assert.ok(setosa > 0.99 && others.every((value) => value < 0.01), first);
  put(2, MODEL_1, done.stdout);
  assert.deepEqual(await settled(2), { state: 'available', reason: '' });
  put(3, MODEL_2, done.stdout);
  assert.match((await settled(3)).reason, /lines missed, first line \d+ \('scored\.csv line \d+'\), output/);
});

test('what cannot be recorded is refused in words that lead on, and nothing is written', async (t) => {
  const { folder, record } = await setUp(t);
  const out = join(folder, 'golden.jsonl');
  writeFileSync(out, 'mine');
  const bad = join(folder, 'bad.csv');
  writeFileSync(bad, 'a,b,c,d,species\n1,2,3,4,0\n1,2,x,4,0\n');
  const binary = join(folder, 'binary.csv');
  writeFileSync(binary, Buffer.from([0x61, 0xff, 0x0a, 0x31]));
  const refused: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[...SCORES, '--out', out], 2, /golden\.jsonl exists already: --force overwrites it/],
    [[...SCORES, '--json'], 2, /name a file for them by --out/],
    [['--output', 'label=specis'], 2, /no column 'specis' \(--output\)\nDid you mean 'species'\?/],
    [['--output', 'labels=species'], 2, /Model 'iris' has no output 'labels'\nDid you mean 'label'\?/],
    [[], 2, /Input 'X' has shape \[-1, 4\], which 9 are left of .*cannot fill: 'row', /],
    [[...SCORES, '--version', '9'], 1, /NOT_FOUND: .*\nModels that can be called: iris \(version 1\)/],
    [[...SCORES, '--rows', '0'], 2, /Wanted an integer from 1 to 9999/],
    [[...SCORES, '--tolerance', '1e-6'], 2, /Wanted two numbers from 0/],
    [['--csv', join(folder, 'none.csv')], 2, /Cannot read .*none\.csv/],
    [
      ['--csv', bad, '--output', 'label=species'],
      2,
      /bad\.csv, line 3, column 'c' holds 'x': wanted a number/,
    ],
    [['--csv', binary], 2, /binary\.csv is not UTF-8/],
    [[...SCORES, '--address', '127.0.0.1:1'], 69, /Is the server running there\?/],
  ];
  for (const [args, code, message] of refused) {
    const result = await record(...args);
    assert.equal(result.code, code, `${args}: ${result.stderr}`);
    assert.match(result.stderr, message);
    assert.equal(result.stdout, '');
  }
  assert.equal(readFileSync(out, 'utf8'), 'mine');
  assert.equal((await record(...SCORES, '--out', out, '--force')).code, 0);
  assert.match(readFileSync(out, 'utf8'), /^\{"note":/);
  const help = await runHere(['golden', 'record', '--help']);
  assert.equal(help.code, 0);
  for (const line of [
    '--csv <path>',
    '--output <name=columns>',
    'Examples:',
    'served only when it answers so',
  ])
    assert.ok(help.stdout.replaceAll(/\s+/g, ' ').includes(line), `${line}: ${help.stdout}`);
  assert.match((await runHere(['golden'])).stderr, /record/);
});
