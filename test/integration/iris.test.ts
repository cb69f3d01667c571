import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createClient, type OutputTensor, type Prediction, type SluiceClient } from '../../client/client.js';
import { EXAMPLES, FIXTURES, makeRepository, useGateway } from '../support/use-gateway.js';

interface Predictions {
  readonly rows: number[][];
  readonly [version: string]: { label: (number | string)[]; probabilities: number[][] } | number[][];
}

function predictions(path: string, version: string) {
  const all = JSON.parse(readFileSync(path, 'utf8')) as Predictions;
  return { rows: all.rows, ...(all[version] as { label: (number | string)[]; probabilities: number[][] }) };
}

async function serveFor(t: TestContext, repository: string, models: object = {}): Promise<SluiceClient> {
  const { address } = await useGateway(t, { modelRepository: [repository], models });
  const client = createClient({ address });
  t.after(() => client.close());
  return client;
}

function values<T>(answer: Prediction, output: string): T[] {
  return (answer.outputs[output] as OutputTensor).data as T[];
}

function agree(got: number[][], wanted: number[][]): void {
  assert.equal(got.length, wanted.length);
  for (const [i, row] of wanted.entries()) {
    for (const [k, p] of row.entries()) {
      assert.ok(
        Math.abs((got[i]?.[k] as number) - p) <= 1e-5,
        `row ${i} class ${k}: ${got[i]?.[k]} for ${p}`,
      );
    }
  }
}

test('iris answers as scikit-learn does, all rows in one request and one by one, in both versions', async (t) => {
  const client = await serveFor(t, EXAMPLES, { iris: { versionPolicy: 'all' } });
  for (const version of ['1', '2']) {
    const { rows, label, probabilities } = predictions(join(EXAMPLES, 'iris/predictions.json'), version);
    assert.equal(rows.length, 150);
    const iris = client.model('iris', { version });
    const whole = await iris.predict({ X: rows });
    assert.equal(whole.version, version);
    assert.deepEqual(values<number>(whole, 'label').map(Number), label);
    agree(values<number[]>(whole, 'probabilities'), probabilities);
    const single = await Promise.all(rows.map((row) => iris.predict({ X: [row] })));
    assert.deepEqual(
      single.map((answer) => Number(values(answer, 'label')[0])),
      label,
    );
    agree(
      single.map((answer) => values<number[]>(answer, 'probabilities')[0] as number[]),
      probabilities,
    );
  }
});

test('a scikit-learn export with the default ZipMap works as it is, numbered and named classes alike', async (t) => {
  const client = await serveFor(t, FIXTURES);
  for (const [model, output] of [
    ['iris-zipmap', 'output_probability'],
    ['iris-zipmap-names', 'output_probability'],
  ] as const) {
    const { rows, label, probabilities } = predictions(join(FIXTURES, model, 'predictions.json'), '1');
    const answer = await client.model(model).predict({ X: rows });
    const [labels, scores] = Object.keys(answer.outputs);
    assert.equal(scores, output);
    assert.deepEqual(values(answer, labels as string).map(String), label.map(String));
    agree(values<number[]>(answer, output), probabilities);
  }
});

test('requests that wait together run together, and each gets its own rows', async (t) => {
  const { gateway, address } = await useGateway(t, { modelRepository: [EXAMPLES] });
  const client = createClient({ address });
  t.after(() => client.close());
  const { rows, label } = predictions(join(EXAMPLES, 'iris/predictions.json'), '2');
  gateway.batcher.hold();
  const pending = rows.map((row) => client.model('iris').predict({ X: [row] }));
  while (gateway.batcher.stats().entries < rows.length) await new Promise((done) => setImmediate(done));
  gateway.batcher.release();
  const answers = await Promise.all(pending);
  assert.deepEqual(
    answers.map((answer) => Number(values(answer, 'label')[0])),
    label,
  );
});

test('one broken model among good ones is listed with its reason and stops nothing', async (t) => {
  const repository = makeRepository(t, {
    'good/1': join(EXAMPLES, 'iris/1'),
    'broken/1/model.onnx': Buffer.from('this is not a model'),
  });
  const client = await serveFor(t, repository);
  const index = await client.models();
  const broken = index.find(({ name }) => name === 'broken');
  assert.equal(broken?.state, 'UNAVAILABLE');
  assert.match(broken?.reason ?? '', /failed to load/);
  assert.equal(await client.serverReady(), true);
  assert.equal(await client.modelReady('broken'), false);
  assert.equal((await client.model('good').predict({ X: [[5.1, 3.5, 1.4, 0.2]] })).version, '1');
  await assert.rejects(client.model('broken').predict({ X: [[1, 2, 3, 4]] }), { code: 'UNAVAILABLE' });
});
