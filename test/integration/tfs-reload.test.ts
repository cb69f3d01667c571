/** TensorFlow Serving's lists of models: the file that a server starts with, and the call that replaces the list in one step. */
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Gateway } from '../../gateway/gateway.js';
import { ModelService } from '../../gateway/gen/tensorflow_serving/apis/model_service_pb.js';
import { addModel } from '../support/onnx-model.js';
import { PREDICTION, shapeOf, type TfsCaller, tfsCaller } from '../support/tfs-call.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const RELOAD = ModelService.method.handleReloadConfigRequest;

interface Listed {
  readonly name: string;
  readonly basePath: string;
  readonly versions?: readonly number[];
  readonly labels?: Readonly<Record<string, number>>;
}

function reload(call: TfsCaller, list: readonly Listed[], headers?: Record<string, string>) {
  const config = list.map(({ name, basePath, versions, labels = {} }) => ({
    ...{ name, basePath, modelPlatform: 'tensorflow' },
    ...(versions && {
      modelVersionPolicy: {
        policyChoice: { case: 'specific' as const, value: { versions: versions.map(BigInt) } },
      },
    }),
    versionLabels: Object.fromEntries(
      Object.entries(labels).map(([label, version]) => [label, BigInt(version)]),
    ),
  }));
  return call(RELOAD, { config: { config: { case: 'modelConfigList', value: { config } } } }, headers);
}

/** What a request gets: `12` of version 2, or the error's text. */
async function ask(call: TfsCaller, name: string, label = ''): Promise<number | string> {
  const X = { dtype: 1, tensorShape: shapeOf(1, 4), floatVal: [10] };
  const versionChoice = { case: 'versionLabel' as const, value: label };
  const modelSpec = { name, ...(label !== '' && { versionChoice }) };
  const { answer, message } = await call(PREDICTION.predict, { modelSpec, inputs: { X } });
  // In brackets, how far a model that goes is.
  return answer?.outputs['Y']?.floatVal[0] ?? message.replace(/ \(Request for .*/, '');
}

/** Models `a` and `b`, each version adding its number, served from a repository; more of them beside it. */
async function serve(t: TestContext) {
  const root = makeRepository(t, {
    'served/a/1/model.onnx': addModel(1),
    'served/a/2/model.onnx': addModel(2),
    'served/b/1/model.onnx': addModel(1),
    'more/c/3/model.onnx': addModel(3),
    'more/broken/1/model.onnx': Buffer.from('no model'),
    'more/slow/1/model.wait.json': Buffer.from('{"costMs": {"fixed": 1}, "loadMs": 500}'),
    'elsewhere/d/1/model.onnx': addModel(1),
  });
  const { gateway, grpcPort, adminAddress } = await useGateway(
    t,
    {
      modelRepository: [join(root, 'served')],
      linkRoots: [join(root, 'more')],
      workers: { count: 2, enableWaitingRuntime: true },
    },
    { watch: { pollMs: 100, confirmMs: 20 } },
  );
  const call = tfsCaller(t, grpcPort);
  const admin = tfsCaller(t, Number(adminAddress.split(':')[1]));
  return { root, gateway, call, admin };
}

function available(gateway: Gateway): string[] {
  return gateway.catalog
    .list()
    .filter(({ state }) => state === 'available')
    .map(({ model, version }) => `${model}/${version}`);
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !holds(); ) {
    assert.ok(performance.now() < end, 'within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a reload replaces the list: what is new can be called when it is answered, no call fails, labels come with it', async (t) => {
  const { root, gateway, call, admin } = await serve(t);
  assert.deepEqual(available(gateway), ['a/2', 'b/1']);
  const seen = new Set<number | string>();
  let over = false;
  const traffic = (async () => {
    while (!over) seen.add(await ask(call, 'a'));
  })();
  const a = { name: 'a', basePath: join(root, 'served/a') };
  const c = { name: 'c', basePath: join(root, 'more/c') };
  const { message, answer } = await reload(admin, [{ ...a, versions: [1], labels: { canary: 1 } }, c]);
  assert.equal(message, '');
  assert.equal(answer?.status?.errorCode, 0);
  assert.deepEqual(
    [await ask(call, 'a'), await ask(call, 'a', 'canary'), await ask(call, 'c')],
    [11, 11, 13],
  );
  over = true;
  await traffic;
  assert.deepEqual([...seen], [12, 11], 'the former version until the step, the new one after it, no error');
  assert.equal(await ask(call, 'b'), 'Servable not found for request: Latest(b)');
  await until(() => !available(gateway).includes('b/1'));
  // The next list, too, takes the place of all that is there; labels that the former one has set go with it.
  assert.equal((await reload(admin, [{ ...a, labels: {} }])).message, '');
  assert.deepEqual(
    [await ask(call, 'a'), await ask(call, 'c')],
    [12, 'Servable not found for request: Latest(c)'],
  );
  assert.equal(await ask(call, 'a', 'canary'), 'Unrecognized servable version label: canary');
  // The base paths of the list are looked at from now on, and the repository is not.
  cpSync(join(root, 'served/a/2'), join(root, 'served/a/3'), { recursive: true });
  await until(() => available(gateway).includes('a/3'));
  assert.ok(!available(gateway).some((key) => key.startsWith('b/')));
  assert.equal((await reload(admin, [])).message, '');
  await until(() => available(gateway).length === 0);
});

test('a list that cannot be had as a whole changes nothing: faults, a model that fails, a deadline', async (t) => {
  const { root, gateway, call, admin } = await serve(t);
  const a = { name: 'a', basePath: join(root, 'served/a') };
  const c = { name: 'c', basePath: join(root, 'more/c') };
  const notFound = 'Servable not found for request: Latest(c)';
  const cases: [why: RegExp, code: number, list: Listed[]][] = [
    [/^Illegal to list model a multiple times in config list$/, 3, [a, a]],
    [
      /^Expected model a to have an absolute path or URI; got base_path\(\)=rel$/,
      3,
      [c, { ...a, basePath: 'rel' }],
    ],
    [
      /^Could not find base path .*nowhere for servable a with error /,
      3,
      [c, { ...a, basePath: join(root, 'nowhere') }],
    ],
    [
      /^Unable to find a numerical version path for servable a at: .*served /,
      5,
      [c, { ...a, basePath: join(root, 'served') }],
    ],
    [
      /^Version 7 of servable a, which was requested to be served as a 'specific' version/,
      5,
      [c, { ...a, versions: [7] }],
    ],
    [
      /^Request to assign label to version 9 of model a, which is not currently available for inference$/,
      9,
      [c, { ...a, labels: { canary: 9 } }],
    ],
    [/^'9lives' is not a legal label/, 3, [c, { ...a, versions: [1], labels: { '9lives': 1 } }]],
    [
      /under no directory that models may come from/,
      7,
      [c, { name: 'd', basePath: join(root, 'elsewhere/d') }],
    ],
    [
      /^1 model\(s\) did not become available: \{\{\{name: broken version: 1\} due to error: .*model/,
      2,
      [
        c,
        { ...a, versions: [1], labels: { canary: 1 } },
        { name: 'broken', basePath: join(root, 'more/broken') },
      ],
    ],
  ];
  for (const [why, code, list] of cases) {
    const { status, message } = await reload(admin, list);
    assert.match(message, why);
    assert.equal(status, code, message);
    assert.deepEqual(
      [await ask(call, 'a'), await ask(call, 'b'), await ask(call, 'c')],
      [12, 11, notFound],
      message,
    );
    assert.equal(await ask(call, 'a', 'canary'), 'Unrecognized servable version label: canary');
  }
  const slow = { name: 'slow', basePath: join(root, 'more/slow') };
  const late = await reload(admin, [c, slow], { 'grpc-timeout': '300m' });
  assert.equal(late.status, 4, late.message);
  await until(
    () =>
      available(gateway).join() === 'a/2,b/1' && gateway.catalog.list().every(({ model }) => model !== 'c'),
  );
  assert.equal((await reload(admin, [c])).message, '', 'and one after it is not held up');
  assert.equal(await ask(call, 'c'), 13);
});

test('--model_config_file: names, base paths, policies and labels; what is put into a base path later is served', async (t) => {
  const root = makeRepository(t, {
    'one/1/model.onnx': addModel(1),
    'one/2/model.onnx': addModel(2),
    'two/5/model.onnx': addModel(5),
    'spare/6/model.onnx': addModel(6),
  });
  const modelConfigFile = join(root, 'models.config');
  writeFileSync(
    modelConfigFile,
    `# two models
    model_config_list: {
      config: { name: "first" base_path: "${root}/one" model_platform: "tensorflow"
        model_version_policy { specific { versions: 1 versions: 2 } }
        version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 } }
      config { name: 'second', base_path: '${root}/two' }
    }`,
  );
  const { gateway, grpcPort } = await useGateway(
    t,
    { modelConfigFile, workers: { count: 1 } },
    { watch: { pollMs: 100, confirmMs: 20 } },
  );
  const call = tfsCaller(t, grpcPort);
  assert.deepEqual(available(gateway), ['first/1', 'first/2', 'second/5']);
  assert.deepEqual(
    [await ask(call, 'first'), await ask(call, 'first', 'canary'), await ask(call, 'second')],
    [11, 12, 15],
  );
  cpSync(join(root, 'spare/6'), join(root, 'two/6'), { recursive: true });
  await until(() => available(gateway).includes('second/6'));
  assert.equal(await ask(call, 'second'), 16);

  for (const [text, wanted] of [
    [
      'model_config_list { config { name: "a" base_path: "a" } }',
      /models\.config': Expected model a to have an absolute path/,
    ],
    ['model_config_list { config { nome: "a" } }', /models\.config':1:\d+: .*nome/],
    ['custom_model_config {}', /Only ModelConfigList is currently supported/],
  ] as const) {
    writeFileSync(modelConfigFile, text);
    await assert.rejects(useGateway(t, { modelConfigFile }), wanted);
  }
});

test('--model_base_path: one model, by the name that it is given, else `default`', async (t) => {
  const modelBasePath = makeRepository(t, { '3/model.onnx': addModel(3) });
  for (const modelName of [undefined, 'half_plus_three']) {
    const { grpcPort } = await useGateway(t, {
      modelBasePath,
      ...(modelName !== undefined && { modelName }),
      workers: { count: 1 },
    });
    assert.equal(await ask(tfsCaller(t, grpcPort), modelName ?? 'default'), 13);
  }
});

test('a server that stops while a list is loaded lets the call end, and stops in order', async (t) => {
  const { root, gateway, admin } = await serve(t);
  const slow = { name: 'slow', basePath: join(root, 'more/slow') };
  const call = reload(admin, [slow]);
  await until(() =>
    gateway.catalog.list().some(({ model, state }) => model === 'slow' && state !== 'discovered'),
  );
  const begun = performance.now();
  const report = await gateway.stop();
  assert.equal(report.callsCut, 0);
  assert.ok(performance.now() - begun < 8000);
  assert.equal((await call).message, '');
});
