/** A version with golden answers is served only when it gives them; the one before serves on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createClient, type OutputTensor } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import { silentLogger } from '../../gateway/core/logger.js';
import type { Manifest } from '../../gateway/core/manifest.js';
import { Preparer } from '../../gateway/pool/preparer.js';
import { alterTrees, boostedModel, floatBelow, trainingScore } from '../support/golden-models.js';
import { until } from '../support/model-changes.js';
import { addModel, batchDependentModel, gatherModel } from '../support/onnx-model.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';
import { modelRequest, temporaryDirectory } from '../support/worker-kits.js';

const WATCH = { watch: { pollMs: 40, confirmMs: 20 } };

/** Closed by the last test. */
const by = new Preparer({ clock: systemClock, logger: silentLogger });

async function prepare(t: TestContext, bytes: Uint8Array, golden?: string): Promise<Manifest> {
  const directory = await temporaryDirectory(t);
  if (golden !== undefined) writeFileSync(join(directory, 'golden.jsonl'), golden);
  return by.prepare(await modelRequest(directory, bytes));
}

function lines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

test('golden answers beside a waiting model, which computes nothing, are said to have no effect', async (t) => {
  const directory = await temporaryDirectory(t);
  const modelPath = join(directory, 'model.wait.json');
  const request = await modelRequest(directory, Buffer.from('{}'), { modelPath });
  const warned = async () => (await by.prepare(request)).warnings.join('; ');
  assert.doesNotMatch(await warned(), /golden/);
  writeFileSync(join(directory, 'golden.jsonl'), '');
  assert.match(await warned(), /golden\.jsonl has no effect on a waiting model/);
});

/** What the trees answered in training, for rows in all branches, at a threshold and with missing values. */
const BOOSTED_ROWS = [
  [0.2, 30, 1],
  [0.3, 41, 3],
  [0.9, 40, 2.7],
  [Number.NaN, 30, 1],
  [0.2, Number.NaN, 5],
  [0.4, 50, Number.NaN],
];
const BOOSTED_GOLDEN = lines(
  BOOSTED_ROWS.map((row) => ({
    inputs: { X: [row.map((value) => (Number.isNaN(value) ? 'NaN' : value))] },
    outputs: { score: [[trainingScore(row)]] },
  })),
);

const IRIS = readFileSync(join(EXAMPLES, 'iris/1/model.onnx'));

interface IrisPredictions {
  readonly rows: readonly number[][];
  readonly '1': { readonly label: readonly number[]; readonly probabilities: readonly number[][] };
}

/** What scikit-learn answered. */
function irisGolden(rows: number): string {
  const told = JSON.parse(readFileSync(join(EXAMPLES, 'iris/predictions.json'), 'utf8')) as IrisPredictions;
  // Rows of all three classes, which lie one after the other.
  const chosen = Array.from({ length: rows }, (_, i) => (i * 7) % told.rows.length);
  return lines(
    chosen.map((i) => ({
      inputs: { X: [told.rows[i]] },
      outputs: { label: [told[1].label[i]], probabilities: [told[1].probabilities[i]] },
    })),
  );
}

const swapColumns = (model: Uint8Array): Uint8Array =>
  alterTrees(model, 'nodes_featureids', (attribute) => {
    attribute.ints = attribute.ints.map((id) => (id === 0n ? 2n : id === 2n ? 0n : id));
  });

/** What goes wrong in exports, and how the refusal has to begin. */
const FAULTS: readonly (readonly [string, Uint8Array, string, RegExp])[] = [
  [
    'a base score that is wrong',
    alterTrees(boostedModel(), 'base_values', (attribute) => {
      attribute.floats = [0.5001];
    }),
    BOOSTED_GOLDEN,
    /golden\.jsonl: 6 of 6 lines missed, first line 1, output 'score', element \[0, 0\]: got 1\.06\d+, wanted 1\.0625 /,
  ],
  [
    'missing values down the other branch',
    alterTrees(boostedModel(), 'nodes_missing_value_tracks_true', (attribute) => {
      attribute.ints = attribute.ints.map(() => 0n);
    }),
    BOOSTED_GOLDEN,
    /golden\.jsonl: 2 of 6 lines missed, first line 4, output 'score', element \[0, 0\]: got 1\.4375, wanted 1\.0625 /,
  ],
  [
    'columns in another order',
    swapColumns(boostedModel()),
    BOOSTED_GOLDEN,
    /golden\.jsonl: \d of 6 lines missed, first line \d, output 'score', element \[0, 0\]: got /,
  ],
  [
    'a threshold rounded the other way',
    alterTrees(boostedModel(), 'nodes_values', (attribute) => {
      attribute.floats = attribute.floats.map((value) => (value === 0 ? 0 : floatBelow(value)));
    }),
    BOOSTED_GOLDEN,
    /golden\.jsonl: 2 of 6 lines missed, first line 2, output 'score', element \[0, 0\]: got 1\.625, wanted 1\.25 /,
  ],
  [
    'iris with a base score',
    alterTrees(IRIS, 'base_values', (attribute) => {
      attribute.type = 6;
      attribute.floats = [0.001, 0, 0];
    }),
    irisGolden(100),
    /golden\.jsonl: 100 of 100 lines missed, first line 1, output 'probabilities', element \[0, 0\]: got /,
  ],
  [
    'iris with its columns in another order',
    swapColumns(IRIS),
    irisGolden(100),
    /golden\.jsonl: \d+ of 100 lines missed, first line \d+, output '(?:label|probabilities)', element \[0/,
  ],
];

test('E89 faults of an export are refused as FAILED, with line, output, got and wanted, and the version before serves on; repaired it is served', async (t) => {
  const repository = makeRepository(t, { 'boosted/1/model.onnx': boostedModel() });
  const { gateway, address } = await useGateway(
    t,
    { modelRepository: [repository], workers: { count: 1 } },
    WATCH,
  );
  const client = createClient({ address });
  t.after(() => client.close());
  const failures: string[] = [];
  const ask = async (): Promise<void> => {
    try {
      const { outputs, version } = await client.model('boosted').predict({ X: BOOSTED_ROWS });
      const got = ((outputs['score'] as OutputTensor).data as number[][]).map(([score]) => score);
      assert.deepEqual(got, BOOSTED_ROWS.map(trainingScore), `version ${version}`);
    } catch (error) {
      failures.push(String(error));
    }
  };
  const put = (model: Uint8Array, golden: string): void => {
    const hidden = join(repository, '.incoming');
    mkdirSync(hidden);
    writeFileSync(join(hidden, 'model.onnx'), model);
    writeFileSync(join(hidden, 'golden.jsonl'), golden);
    rmSync(join(repository, 'boosted/2'), { recursive: true, force: true });
    renameSync(hidden, join(repository, 'boosted/2'));
  };
  const second = () => gateway.catalog.list().find(({ version }) => version === 2);
  for (const [fault, model, golden, message] of FAULTS) {
    put(model, golden);
    let reason = '';
    while (!message.test(reason)) {
      await ask();
      const entry = second();
      assert.notEqual(entry?.state, 'available', fault);
      reason = entry?.reason ?? '';
      if (entry?.state === 'failed' && reason.includes('golden'))
        assert.ok(
          FAULTS.some(([, , , known]) => known.test(reason)),
          `${fault}: ${reason}`,
        );
    }
    assert.equal(second()?.state, 'failed', fault);
    assert.deepEqual(gateway.catalog.available('boosted'), [1], fault);
    await ask();
  }
  put(boostedModel(), BOOSTED_GOLDEN);
  await until(
    () => second()?.state === 'available',
    () => JSON.stringify(second()),
  );
  await ask();
  // The golden answers alone are replaced: the copy that serves is not touched by what they say.
  writeFileSync(
    join(repository, 'boosted/2/golden.jsonl'),
    lines([{ inputs: { X: [[1, 2, 3]] }, outputs: { score: [[99]] } }]),
  );
  await until(
    () => (second()?.reason ?? '').includes('wanted 99'),
    () => JSON.stringify(second()),
  );
  await ask();
  assert.deepEqual(failures, []);
});

test('E89 under constant calls a new version that cannot run its warm-up, or answers it wrongly, is not taken: no call fails', async (t) => {
  const table = (index: number, value: number): string =>
    lines([{ inputs: { I: [[index]] }, outputs: { Y: [[value]] } }]);
  const repository = makeRepository(t, { 'table/1/model.onnx': gatherModel(8) });
  const settings = { modelRepository: [repository], workers: { count: 2 } };
  const { gateway, address } = await useGateway(t, settings, WATCH);
  const client = createClient({ address });
  t.after(() => client.close());
  const calls = { done: 0, failed: [] as string[], versions: new Set<string>() };
  let over = false;
  const caller = async (index: number): Promise<void> => {
    while (!over)
      try {
        const { outputs, version } = await client.model('table').predict({ I: [[index]] });
        assert.deepEqual((outputs['Y'] as OutputTensor).data, [[index * 10]]);
        calls.versions.add(version);
        calls.done++;
      } catch (error) {
        calls.failed.push(String(error));
      }
  };
  const callers = [1, 2, 5, 7].map(caller);
  const offer = async (version: number, model: Uint8Array, golden: string): Promise<string> => {
    const hidden = join(repository, '.incoming');
    mkdirSync(hidden);
    writeFileSync(join(hidden, 'model.onnx'), model);
    writeFileSync(join(hidden, 'golden.jsonl'), golden);
    renameSync(hidden, join(repository, 'table', String(version)));
    const entry = () => gateway.catalog.list().find((each) => each.version === version);
    await until(
      () => ['available', 'failed'].includes(entry()?.state ?? ''),
      () => JSON.stringify(entry()),
    );
    return `${entry()?.state} ${entry()?.reason ?? ''}`;
  };
  // A table of two has no row 5: this one cannot even be run.
  const cannot = await offer(2, gatherModel(2), table(5, 50));
  assert.match(cannot, /^failed .*golden\.jsonl line 1: /);
  const wrong = await offer(3, gatherModel(8), table(5, 51));
  assert.match(wrong, /^failed .*line 1, output 'Y', element \[0, 0\]: got 50, wanted 51 /);
  assert.deepEqual([...calls.versions], ['1']);
  assert.equal(await offer(4, gatherModel(8), table(5, 50)), 'available ');
  await until(
    () => calls.versions.has('4'),
    () => [...calls.versions].join(),
  );
  over = true;
  await Promise.all(callers);
  assert.deepEqual(calls.failed, []);
  t.diagnostic(`${calls.done} calls`);
  assert.ok(calls.done > 100, `${calls.done} calls`);
});

test('a version that gives its golden answers is prepared with rows to warm up on', async (t) => {
  const boosted = await prepare(t, boostedModel(), BOOSTED_GOLDEN);
  assert.deepEqual(
    boosted.goldenRows?.map(([row]) => [row?.name, row?.datatype, row?.shape]),
    Array.from({ length: 4 }, () => ['X', 'FP32', [1, 3]]),
  );
  // An index outside of the table fails it on made-up rows: golden ones show how it is batched.
  const table = lines([0, 1, 2, 7].map((i) => ({ inputs: { I: [[i]] }, outputs: { Y: [[i * 10]] } })));
  const gather = await prepare(t, gatherModel(8), table);
  assert.equal(gather.batchCheck, 'verified');
  const alone = lines([[1, 2, 3, 4]].map((x) => ({ inputs: { X: [x] }, outputs: { Y: [[0, 0, 0, 0]] } })));
  const single = await prepare(t, batchDependentModel(), alone + alone);
  assert.equal(single.batchCheck, 'differs', 'rows are asked one by one');
  await assert.rejects(
    prepare(t, gatherModel(2), lines([{ inputs: { I: [[5]] }, outputs: { Y: [[50]] } }])),
    /golden\.jsonl line 1: the model failed/,
  );
});

test('100 golden rows add at most a second to a load', async (t) => {
  const golden = irisGolden(100);
  const directory = await temporaryDirectory(t);
  const request = await modelRequest(directory, IRIS);
  const took = async (content?: string): Promise<number> => {
    if (content === undefined) rmSync(join(directory, 'golden.jsonl'), { force: true });
    else writeFileSync(join(directory, 'golden.jsonl'), content);
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const begun = performance.now();
      await by.prepare(request);
      times.push(performance.now() - begun);
    }
    return Math.min(...times);
  };
  await took();
  const [without, within] = [await took(), await took(golden)];
  t.diagnostic(`${without.toFixed(0)} ms without, ${within.toFixed(0)} ms with 100 rows`);
  assert.ok(within - without < 1000, `${within} ms with, ${without} ms without`);
});

test('a golden file that is no plain file of the version is refused, and nobody waits for it', async (t) => {
  t.after(() => by.close());
  const outside = await temporaryDirectory(t);
  const row = lines([{ inputs: { X: [[1, 2, 3, 4]] }, outputs: { Y: [[2, 3, 4, 5]] } }]);
  writeFileSync(join(outside, 'golden.jsonl'), row);
  const hostile: readonly (readonly [RegExp, (path: string) => void])[] = [
    [/golden\.jsonl: it is a link out of/, (path) => symlinkSync(join(outside, 'golden.jsonl'), path)],
    [/golden\.jsonl: it is a link out of/, (path) => symlinkSync('/dev/zero', path)],
    [/golden\.jsonl: it cannot be read: no such file/, (path) => symlinkSync('nowhere', path)],
    [/golden\.jsonl: it is a hard link/, (path) => linkSync(join(outside, 'golden.jsonl'), path)],
    [/golden\.jsonl: it is not a regular file/, (path) => mkdirSync(path)],
    [/golden\.jsonl: it is not a regular file/, (path) => void execFileSync('mkfifo', [path])],
    [/golden\.jsonl: it has 16777217 bytes/, (path) => writeFileSync(path, Buffer.alloc(16_777_217, 0x20))],
    [/golden\.jsonl: it has over 10000 lines/, (path) => writeFileSync(path, '\n'.repeat(10_001))],
    [/golden\.jsonl: line 1 has 5000000 characters/, (path) => writeFileSync(path, '['.repeat(5_000_000))],
    [/golden\.jsonl line 1: it is not JSON/, (path) => writeFileSync(path, '['.repeat(4_000_000))],
    [
      /golden\.jsonl line 1: input 'X' has lists nested deeper than 16$/,
      (path) =>
        writeFileSync(
          path,
          `{"inputs": {"X": ${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}, "outputs": {}}`,
        ),
    ],
    [
      /golden\.jsonl line 1: unknown key 'a', wanted tolerance, note$/,
      (path) => writeFileSync(path, `${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}`),
    ],
    [
      /golden\.jsonl line 1: it is not JSON: /,
      (path) => writeFileSync(path, '{"inputs": {"X": [[NaN, 2, 3, 4]]}, "outputs": {"Y": [[2, 3, 4, 5]]}}'),
    ],
    [
      /golden\.jsonl line 1: unknown key 'x' in inputs, the model has 'X'$/,
      (path) => writeFileSync(path, '{"inputs": {"x": [[1, 2, 3, 4]]}, "outputs": {"Y": [[2, 3, 4, 5]]}}'),
    ],
    [
      /golden\.jsonl line 1: unknown key 'Z' in outputs, the model has 'Y'$/,
      (path) => writeFileSync(path, '{"inputs": {"X": [[1, 2, 3, 4]]}, "outputs": {"Z": [[2, 3, 4, 5]]}}'),
    ],
    [/golden\.jsonl: it is not valid UTF-8/, (path) => writeFileSync(path, Buffer.from([0xff, 0xfe]))],
    [/golden\.jsonl: it has no rows/, (path) => writeFileSync(path, '{"tolerance": {}}\n\n')],
  ];
  for (const [message, plant] of hostile) {
    const directory = await temporaryDirectory(t);
    plant(join(directory, 'golden.jsonl'));
    await assert.rejects(by.prepare(await modelRequest(directory, addModel(1))), message);
  }
  // Links within the version's own directory are how volumes are mounted.
  const directory = await temporaryDirectory(t);
  mkdirSync(join(directory, '..data'));
  writeFileSync(join(directory, '..data/golden.jsonl'), row);
  symlinkSync('..data/golden.jsonl', join(directory, 'golden.jsonl'));
  assert.equal((await by.prepare(await modelRequest(directory, addModel(1)))).goldenRows?.length, 1);
});
