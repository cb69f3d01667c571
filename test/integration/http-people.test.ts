/** What people write a Flask app for: rows, records and CSV in, labels and probabilities out. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { commandOf } from '../../worker/waiting-faults.js';
import { ask } from '../support/http-client.js';
import { addModel } from '../support/onnx-model.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';
import { useWaiting } from '../support/waiting-server.js';

const FEATURES = ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)'];
const FLOWER = [5.1, 3.5, 1.4, 0.2];
const RECORD = Object.fromEntries(FEATURES.map((name, i) => [name, FLOWER[i]]));
const CSV = { headers: { 'content-type': 'text/csv; charset=utf-8' } };

const start = (t: TestContext) =>
  useGateway(t, {
    modelRepository: [EXAMPLES],
    workers: { count: 1 },
    models: { iris: { versionPolicy: 'all', features: FEATURES } },
  });

interface Prediction {
  readonly label: number;
  readonly probabilities: Readonly<Record<string, number>>;
}

test('/predict takes a row, rows, records, columns and CSV, whatever is put around them', async (t) => {
  const { httpPort } = await start(t);
  const predict = async (body: string | object, options = {}) => {
    const answer = await ask(httpPort, '/predict/iris', body, options);
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.json<{ model: string; version: number; predictions: Prediction[] }>();
  };
  const wanted = await predict(FLOWER);
  assert.deepEqual([wanted.model, wanted.version, wanted.predictions.length], ['iris', 2, 1]);
  const [{ label, probabilities }] = wanted.predictions as [Prediction];
  assert.equal(label, 0);
  assert.deepEqual(Object.keys(probabilities), ['0', '1', '2']);
  assert.ok((probabilities['0'] ?? 0) > 0.99);
  const shuffled = Object.fromEntries(Object.entries(RECORD).reverse());
  const split = { columns: [...FEATURES].reverse(), index: [7], data: [[...FLOWER].reverse()] };
  for (const body of [
    [FLOWER],
    RECORD,
    [shuffled],
    { instances: [FLOWER] },
    { data: [RECORD] },
    Object.fromEntries(FEATURES.map((name, i) => [name, [FLOWER[i]]])),
    { dataframe_split: split },
  ])
    assert.deepEqual(await predict(body), wanted, JSON.stringify(body));
  for (const text of [
    FLOWER.join(),
    `${FEATURES.join()}\n${FLOWER.join()}`,
    `"${[...FEATURES].reverse().join('","')}"\r\n${[...FLOWER].reverse().join()}\r\n`,
  ])
    assert.deepEqual(await predict(text, CSV), wanted, text);
  const two = await predict(`${FLOWER.join()}\n6.7,3,5.2,2.3\n`, CSV);
  assert.deepEqual(
    two.predictions.map((each) => each.label),
    [0, 2],
  );
  const first = await ask(httpPort, '/predict/iris/versions/1', FLOWER);
  assert.equal(first.json()['version'], 1);
});

test('columns that are unknown, missing or mistyped are 400 with the nearest name; other media types 415', async (t) => {
  const { httpPort } = await start(t);
  const { 'sepal length (cm)': length, ...rest } = RECORD;
  for (const [body, error] of [
    [
      { ...rest, 'sepal lenght (cm)': length },
      /no column 'sepal lenght \(cm\)', did you mean 'sepal length \(cm\)'\?/,
    ],
    [rest, /column 'sepal length \(cm\)' is missing/],
    [
      { ...RECORD, 'petal width (cm)': 'wide' },
      /row 0, column 'petal width \(cm\)': got the text 'wide', wanted a number/,
    ],
    [[FLOWER, [1, 2]], /row 1: got a list of 2, wanted a list of 4 values/],
    [[], /there are no rows/],
    ['{"sepal length (cm)":1,"sepal length (cm)":2}', /is there twice \(line 1, column/],
    ['[1,2', /it ends \(line 1, column 5\)/],
  ] as const) {
    const answer = await ask(httpPort, '/predict/iris', body);
    assert.equal(answer.status, 400);
    assert.match(answer.json<{ error: string }>().error, error);
  }
  const csv = await ask(httpPort, '/predict/iris', '1,2,x,4\n', CSV);
  assert.match(csv.json<{ error: string }>().error, /line 1/);
  const xml = await ask(httpPort, '/predict/iris', '<a/>', {
    headers: { 'content-type': 'application/xml' },
  });
  assert.equal(xml.status, 415);
  const latin = await ask(httpPort, '/predict/iris', FLOWER, {
    headers: { 'content-type': 'application/json; charset=latin1' },
  });
  assert.equal(latin.status, 415);
  assert.equal((await ask(httpPort, '/predict/nobody', FLOWER)).status, 404);
});

test('/invocations speaks MLflow’s scoring protocol and SageMaker’s CSV; /ping says whether it is ready', async (t) => {
  const { httpPort } = await start(t);
  const { predictions: wanted } = (await ask(httpPort, '/predict/iris', FLOWER)).json();
  const split = { columns: FEATURES, data: [FLOWER] };
  for (const body of [
    { dataframe_split: split, params: {} },
    { dataframe_records: [RECORD] },
    { instances: [FLOWER] },
    { inputs: [FLOWER] },
    { inputs: { X: [FLOWER] } },
    [FLOWER],
  ]) {
    const answer = await ask(httpPort, '/invocations', body);
    assert.equal(answer.status, 200, `${JSON.stringify(body)} ${answer.body}`);
    assert.deepEqual(answer.json(), { predictions: wanted });
  }
  assert.deepEqual((await ask(httpPort, '/invocations?model=iris', FLOWER.join(), CSV)).json(), {
    predictions: wanted,
  });
  for (const [body, error] of [
    [{ dataframe_splt: split }, /did you mean 'dataframe_split'/],
    [{ instances: [FLOWER], inputs: [FLOWER] }, /wanted one of them/],
    [{ instances: [FLOWER], params: { temperature: 1 } }, /take no parameters/],
    [{ dataframe_split: { columns: FEATURES } }, /has no list 'data'/],
    [{}, /the body is empty/],
  ] as const)
    assert.match((await ask(httpPort, '/invocations', body)).json<{ error: string }>().error, error);
  assert.equal((await ask(httpPort, '/ping')).status, 200);
  const both = await useGateway(t, {
    modelRepository: [EXAMPLES, makeRepository(t, { 'add/1/model.onnx': addModel(1) })],
    workers: { count: 1 },
  });
  const which = await ask(both.httpPort, '/invocations', [FLOWER]);
  assert.equal(which.status, 400);
  assert.match(which.json<{ error: string }>().error, /several models: name one, \/invocations\?model=/);
  const add = await ask(both.httpPort, '/invocations?model=add', [[1, 2, 3, 4]]);
  assert.deepEqual(add.json(), { predictions: [[2, 3, 4, 5]] });
});

test('more rows than the model takes at once are run in pieces: one request, its answers in order', async (t) => {
  const { httpPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'add/1/model.onnx': addModel(3) })],
    models: { add: { maxBatchSize: 64 } },
    workers: { count: 2 },
  });
  const rows = Array.from({ length: 1001 }, (_, i) => [i, 0, -i, 0.5]);
  const wanted = rows.map((row) => row.map((value) => value + 3));
  const csv = await ask(httpPort, '/predict/add', rows.map((row) => row.join()).join('\n'), CSV);
  assert.deepEqual(csv.json<{ predictions: number[][] }>().predictions, wanted);
  const invoked = await ask(httpPort, '/invocations', { inputs: rows });
  assert.deepEqual(invoked.json<{ predictions: number[][] }>().predictions, wanted);
  const instances = await ask(httpPort, '/v1/models/add:predict', { instances: rows });
  assert.deepEqual(instances.json<{ predictions: number[][] }>().predictions, wanted);
  const stats = (await ask(httpPort, '/v2/models/add/stats')).json<{
    model_stats: {
      inference_count: number;
      execution_count: number;
      inference_stats: { success: { count: number } };
    }[];
  }>().model_stats[0];
  assert.equal(stats?.inference_stats.success.count, 3);
  assert.equal(stats?.inference_count, 3 * 1001);
  assert.ok((stats?.execution_count ?? 0) >= 3 * 16);
});

test('of a large request it is the piece that ends workers that is refused the next time, without a run', async (t) => {
  const { httpPort } = await useWaiting(t, { wait: { costMs: { fixed: 1 }, maxBatchSize: 4 } });
  const instances = Array.from({ length: 10 }, (_, i) => [i === 5 ? commandOf('exit') : 1, 2, 3, 4]);
  const error = async (): Promise<string> => {
    const answer = await ask(httpPort, '/v1/models/wait:predict', { instances });
    assert.equal(answer.status, 500, answer.body.toString());
    return answer.json<{ error: string }>().error;
  };
  assert.doesNotMatch(await error(), /refused for a while/);
  assert.match(await error(), /the same input has ended the workers that ran it, and is refused for a while/);
});
