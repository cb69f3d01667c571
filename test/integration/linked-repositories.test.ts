/** Repositories whose files are symbolic links, as they are deployed, swapped under constant verified load. */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until, verifiedLoad } from '../support/model-changes.js';
import { addModel, onnxModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const WATCH = { watch: { pollMs: 40, confirmMs: 20 } };
/** Of each tree; three make a hundred. */
const SWAPS = 34;

function put(path: string, content: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Makes `path` a link to `target` in one step, as the tools do it. */
function swapLink(target: string, path: string): void {
  rmSync(`${path}.tmp`, { force: true });
  symlinkSync(target, `${path}.tmp`);
  renameSync(`${path}.tmp`, path);
}

/** A way to deploy: makes what is served add this amount. */
interface Tree {
  readonly name: string;
  /** What is served, in the temporary directory. */
  readonly repository: string;
  readonly modelName?: string;
  deploy(top: string, amount: number): void;
}

const TREES: readonly Tree[] = [
  {
    name: 'git-sync: the repository is a link to a worktree',
    repository: 'git/current',
    deploy: (top, amount) => {
      put(join(top, `git/.worktrees/${amount}/add/1/model.onnx`), addModel(amount));
      swapLink(`.worktrees/${amount}`, join(top, 'git/current'));
      if (amount > 2) rmSync(join(top, `git/.worktrees/${amount - 2}`), { recursive: true });
    },
  },
  {
    name: 'a ConfigMap: files are links into ..data',
    repository: 'mount',
    modelName: 'add',
    deploy: (top, amount) => {
      put(join(top, `mount/..${amount}/model.onnx`), addModel(amount));
      swapLink(`..${amount}`, join(top, 'mount/..data'));
      if (amount === 1) symlinkSync('..data/model.onnx', join(top, 'mount/model.onnx'));
      else rmSync(join(top, `mount/..${amount - 1}`), { recursive: true });
    },
  },
  {
    name: 'a model is a link to a release: current -> 42',
    repository: 'models',
    deploy: (top, amount) => {
      put(join(top, `models/.releases/${amount}/1/model.onnx`), addModel(amount));
      swapLink(`.releases/${amount}`, join(top, 'models/add'));
    },
  },
];

for (const { name, repository, modelName, deploy } of TREES) {
  test(`E80 ${SWAPS} swaps under load of ${name}`, async (t) => {
    const top = makeRepository(t, {});
    deploy(top, 1);
    const { address } = await useGateway(
      t,
      { modelRepository: [join(top, repository)], workers: { count: 1 }, ...(modelName && { modelName }) },
      WATCH,
    );
    const load = verifiedLoad(t, address, 'add');
    load.allow(1, 1);
    for (let amount = 2; amount <= SWAPS + 1; amount++) {
      load.allow(1, amount);
      deploy(top, amount);
      await until(
        () => load.latest === amount || load.failures.length > 0,
        () => `${amount} is not served`,
      );
      load.forbid(1, amount - 1);
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
  });
}

/** `Y = X + w`, its weight in a file beside it. */
function addWithWeights(location: string) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 4] }],
    weights: [{ name: 'w', type: 'FP32', shape: [4], external: { location } }],
    nodes: [{ op: 'Add', inputs: ['X', 'w'], outputs: ['Y'] }],
  });
}

/** A Hugging Face cache: a snapshot of links to blobs that are called by their contents. */
function huggingFace(t: TestContext): { top: string; snapshot: string } {
  const top = makeRepository(t, {
    'hub/blobs/aaa': addWithWeights('model.onnx_data'),
    'hub/blobs/bbb': new Uint8Array(Float32Array.of(7, 7, 7, 7).buffer),
  });
  const snapshot = join(top, 'hub/snapshots/main');
  mkdirSync(snapshot, { recursive: true });
  symlinkSync('../../blobs/aaa', join(snapshot, 'model.onnx'));
  symlinkSync('../../blobs/bbb', join(snapshot, 'model.onnx_data'));
  return { top, snapshot };
}

test('E80 a Hugging Face cache is served, weights and all, where its blobs are allowed', async (t) => {
  const { top, snapshot } = huggingFace(t);
  const settings = { modelRepository: [snapshot], modelName: 'add', linkRoots: [join(top, 'hub/blobs')] };
  const { address, gateway } = await useGateway(t, { ...settings, workers: { count: 1 } }, WATCH);
  assert.deepEqual(gateway.catalog.list(), [{ model: 'add', version: 1, state: 'available', reason: '' }]);
  const load = verifiedLoad(t, address, 'add');
  load.allow(1, 7);
  await until(
    () => load.latest === 7,
    () => 'no answer',
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('E80 a link out of the repository is refused, and so are weights that are a hard link', async (t) => {
  const { snapshot, top } = huggingFace(t);
  const root = makeRepository(t, {
    'fine/1/model.onnx': addModel(1),
    'hard/1/model.onnx': addWithWeights('w'),
  });
  linkSync(join(top, 'hub/blobs/bbb'), join(root, 'hard/1/w'));
  symlinkSync(snapshot, join(root, 'out'));
  const { gateway } = await useGateway(t, { modelRepository: [root], workers: { count: 1 } }, WATCH);
  const lines = gateway.catalog.list().map(({ model, state, reason }) => `${model} ${state} ${reason}`);
  assert.match(lines[0] ?? '', /^fine available/);
  assert.match(lines[1] ?? '', /^hard failed .*external data 'w' is a hard link/);
  assert.match(lines[2] ?? '', /^out failed its model file is a link that leads out of the repository/);
  assert.ok(!lines.join().includes(top));
});

test('E80 a config.pbtxt that leads out of the repository is not read: what is in it is nobody’s business', async (t) => {
  const outside = makeRepository(t, { secret: Buffer.from('hunter2: 1') });
  const repository = makeRepository(t, {
    'm/1/model.onnx': addModel(1),
    'n/1/model.onnx': addModel(1),
    'shared.pbtxt': Buffer.from('max_batch_size: 3'),
  });
  symlinkSync(join(outside, 'secret'), join(repository, 'm/config.pbtxt'));
  symlinkSync('../shared.pbtxt', join(repository, 'n/config.pbtxt'));
  const { gateway } = await useGateway(t, { modelRepository: [repository] });
  const reason = gateway.catalog.list().find(({ model }) => model === 'm')?.reason ?? '';
  assert.match(reason, /its config.pbtxt is a link that leads out of the repository/);
  assert.ok(!reason.includes('hunter2'));
  assert.equal(gateway.catalog.describe('n', '').signature.maxBatchSize, 3);
});
