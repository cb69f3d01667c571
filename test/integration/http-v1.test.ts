/** TensorFlow Serving's RESTful API and KServe's v1: a real server, requests as their clients write them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ask } from '../support/http-client.js';
import { addModel, readStringsModel } from '../support/onnx-model.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

const FLOWER = [5.1, 3.5, 1.4, 0.2];

const start = (t: TestContext) =>
  useGateway(t, {
    modelRepository: [
      EXAMPLES,
      makeRepository(t, { 'add/1/model.onnx': addModel(1), 'text/1/model.onnx': readStringsModel(['N']) }),
    ],
    workers: { count: 1 },
    models: { iris: { versionPolicy: 'all', features: ['a', 'b', 'c', 'd'] } },
  });

interface Told {
  readonly rows: readonly (readonly number[])[];
  readonly '1': { readonly label: readonly number[] };
}

test('predict: rows and columns, by value and by name, of versions and labels; the answer has the form of the request', async (t) => {
  const { httpPort } = await start(t);
  const predict = async (path: string, body: object) => {
    const answer = await ask(httpPort, `/v1/models/${path}:predict`, body);
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.json();
  };
  const { rows, 1: told } = JSON.parse(readFileSync(join(EXAMPLES, 'iris/predictions.json'), 'utf8')) as Told;
  const { predictions } = await predict('iris/versions/1', { instances: rows });
  assert.deepEqual(
    (predictions as { label: number }[]).map(({ label }) => label),
    told.label,
  );
  const one = await predict('iris', {
    signature_name: 'serving_default',
    instances: [{ X: FLOWER }, { X: FLOWER }],
  });
  assert.deepEqual(
    (one['predictions'] as { label: number }[]).map(({ label }) => label),
    [0, 0],
  );
  const columns = await predict('iris', { inputs: { X: [FLOWER, FLOWER] } });
  assert.deepEqual((columns['outputs'] as { label: number[] }).label, [0, 0]);
  // Of a model with one output the values stand alone.
  assert.deepEqual(await predict('add', { instances: [[1, 2, 3, 4]] }), { predictions: [[2, 3, 4, 5]] });
  assert.deepEqual(await predict('add', { inputs: [[1, 2, 3, 4]] }), { outputs: [[2, 3, 4, 5]] });
  const texts = await predict('text', { instances: ['a', { b64: 'w6k=' }] });
  assert.equal((texts['predictions'] as unknown[]).length, 2);
});

test('classify and regress as over gRPC; the model list, status and metadata', async (t) => {
  const { httpPort } = await start(t);
  const [a, b, c, d] = FLOWER;
  const classified = await ask(httpPort, '/v1/models/iris:classify', {
    examples: [{ a, b, c, d }],
    context: {},
  });
  const [classes = []] = classified.json<{ results: [string, number][][] }>().results;
  assert.deepEqual(
    classes.map(([label]) => label),
    ['0', '1', '2'],
  );
  assert.ok((classes[0]?.[1] ?? 0) > 0.99);
  const get = async (path: string) => (await ask(httpPort, path)).json();
  assert.deepEqual(((await get('/v1/models'))['models'] as string[]).sort(), ['add', 'iris', 'text']);
  const status = await get('/v1/models/iris');
  assert.deepEqual(
    (status['model_version_status'] as { version: string; state: string }[]).map(({ version, state }) => [
      version,
      state,
    ]),
    [
      ['1', 'AVAILABLE'],
      ['2', 'AVAILABLE'],
    ],
  );
  assert.deepEqual([status['name'], status['ready']], ['iris', true]);
  const one = await get('/v1/models/iris/versions/2');
  assert.equal((one['model_version_status'] as unknown[]).length, 1);
  const { model_spec, metadata } = await get('/v1/models/iris/versions/1/metadata');
  assert.deepEqual(model_spec, { name: 'iris', signature_name: '', version: '1' });
  const { signature_def } = (metadata as { signature_def: { signature_def: Record<string, unknown> } })
    .signature_def;
  assert.deepEqual(Object.keys(signature_def).sort(), ['classification', 'serving_default']);
});

test('what does not fit is refused in the words that clients search for', async (t) => {
  const { httpPort } = await start(t);
  for (const [path, body, status, error] of [
    ['iris:predict', { instances: [FLOWER], inputs: [FLOWER] }, 400, /both 'instances' and 'inputs'/],
    ['iris:predict', {}, 400, /Missing 'inputs' or 'instances' key/],
    ['iris:predict', { instances: [] }, 400, /'instances' is empty/],
    [
      'iris:predict',
      { instances: [FLOWER, [1, 2]] },
      400,
      /instances\[1\] has the shape \[2\] for input 'X', the first one had \[4\]/,
    ],
    [
      'iris:predict',
      { instances: [{ Y: FLOWER }] },
      400,
      /Signature input alias: X\(feed name: X:0\) not found/,
    ],
    [
      'iris:predict',
      { instances: [{ X: FLOWER }, { Z: FLOWER }] },
      400,
      /other names than the instance before/,
    ],
    [
      'iris:predict',
      { instances: [['1', 2, 3, 4]] },
      400,
      /instances\[0\]\[0\] is a text, wanted a number of FP32/,
    ],
    ['iris:predict', { instances: [[1, 2]] }, 400, /\[/],
    [
      'iris:predict',
      { signature_name: 'other', instances: [FLOWER] },
      400,
      /Serving signature key "other" not found/,
    ],
    ['iris:predict', 'nonsense', 400, /failed to parse the request JSON buffer/],
    ['nobody:predict', { instances: [FLOWER] }, 404, /Servable not found for request: Latest\(nobody\)/],
    [
      'iris/versions/9:predict',
      { instances: [FLOWER] },
      404,
      /Servable not found for request: Specific\(iris, 9\)/,
    ],
    ['iris/versions/x:predict', { instances: [FLOWER] }, 404, /'x' is no version/],
    ['iris/labels/none:predict', { instances: [FLOWER] }, 400, /Unrecognized servable version label: none/],
    ['iris:guess', { instances: [FLOWER] }, 404, /the verb 'guess'/],
    ['iris:classify', { instances: [FLOWER] }, 400, /Missing 'examples' key/],
    ['iris:regress', { examples: [{ a: 1 }] }, 400, /./],
  ] as const) {
    const answer = await ask(httpPort, `/v1/models/${path}`, body);
    const told = answer.json<{ error: string }>();
    assert.equal(answer.status, status, `${path} ${JSON.stringify(told)}`);
    assert.match(told.error, error);
  }
  assert.equal((await ask(httpPort, '/v1/models/nobody')).status, 404);
});
