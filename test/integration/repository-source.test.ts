/** The model source over real trees in a temporary directory. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { Found } from '../../gateway/repository/found.js';
import { scanRepositories } from '../../gateway/repository/model-source.js';

const root = mkdtempSync(join(tmpdir(), 'sluice-source-'));
after(() => rmSync(root, { recursive: true, force: true }));

let trees = 0;

/** Makes a fresh directory with these files (a path that ends in a slash is a directory); returns its path. */
function tree(...paths: readonly string[]): string {
  const top = join(root, `tree${trees++}`);
  mkdirSync(top);
  for (const path of paths) {
    const at = join(top, path);
    mkdirSync(path.endsWith('/') ? at : dirname(at), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(at, 'onnx');
  }
  return top;
}

async function scan(...repositories: readonly string[]) {
  const warnings: string[] = [];
  const logger = {
    debug() {},
    info() {},
    warn: (fields: object, message: string) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    error() {},
  };
  return { found: await scanRepositories({ repositories, logger }), warnings };
}

/** `model/version file` for each version, the file relative to `top`. */
function versions(found: Found, top: string): string[] {
  return found.models.flatMap(({ name, versions: all }) =>
    all.map(({ version, modelPath }) => `${name}/${version} ${modelPath.slice(top.length + 1)}`),
  );
}

test('every layout of a repository is understood, and what is no model is passed over', async () => {
  const top = tree(
    'iris/1/model.onnx',
    'iris/2/model.onnx',
    'iris/10/model.onnx',
    'iris/10/model.onnx.data',
    'iris/train.py',
    'iris/README.md',
    'flat/model.onnx',
    'triton/3/model.onnx/model.onnx',
    'triton/3/model.onnx/weights.bin',
    'renamed/1/model.onnx/resnet.onnx',
    'python/client.py',
    'node/src/client.ts',
    'empty/',
    '.hidden/1/model.onnx',
    '..data/1/model.onnx',
    'iris/.cache/model.onnx',
    'README.md',
  );
  const { found, warnings } = await scan(top);
  assert.deepEqual(versions(found, top), [
    'flat/1 flat/model.onnx',
    'iris/1 iris/1/model.onnx',
    'iris/2 iris/2/model.onnx',
    'iris/10 iris/10/model.onnx',
    'renamed/1 renamed/1/model.onnx/resnet.onnx',
    'triton/3 triton/3/model.onnx/model.onnx',
  ]);
  assert.deepEqual(found.problems, []);
  assert.deepEqual(found.unusable, []);
  assert.deepEqual(warnings, []);
  const { bytes, modifiedMs } = found.models[0]?.versions[0] ?? { bytes: 0, modifiedMs: 0 };
  assert.equal(bytes, 4);
  assert.ok(modifiedMs > 0);
});

test('a bare directory, a model’s own directory and a single file are models', async () => {
  const top = tree(
    'bare/model.onnx',
    'bare/model.onnx.data',
    'own/1/model.onnx',
    'own/4/model.onnx',
    'one.onnx',
  );
  const rows: [string, string[]][] = [
    ['bare', ['bare/1 bare/model.onnx']],
    ['own', ['own/1 own/1/model.onnx', 'own/4 own/4/model.onnx']],
    ['one.onnx', ['one/1 one.onnx']],
    ['bare/model.onnx', ['bare/1 bare/model.onnx']],
    ['own/4/model.onnx', ['own/4 own/4/model.onnx']],
  ];
  for (const [path, expected] of rows) {
    const { found } = await scan(join(top, path));
    assert.deepEqual(versions(found, top), expected, path);
  }
  const named = await scanRepositories({
    repositories: [join(top, 'bare')],
    modelName: 'iris',
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  assert.deepEqual(versions(named, top), ['iris/1 bare/model.onnx']);
});

test('a repository of models that are called by numbers is not taken for one model', async () => {
  const numbers = tree('1/1/model.onnx', '2/1/model.onnx');
  assert.deepEqual(versions((await scan(numbers)).found, numbers), [
    '1/1 1/1/model.onnx',
    '2/1 2/1/model.onnx',
  ]);
  const mixed = tree('1/model.onnx', 'iris/1/model.onnx');
  assert.deepEqual(versions((await scan(mixed)).found, mixed), [
    '1/1 1/model.onnx',
    'iris/1 iris/1/model.onnx',
  ]);
});

test('Kubernetes’ links into ..data are followed; a link that leads nowhere is passed over', async () => {
  const top = tree('mount/..2024/model.onnx', 'mount/');
  symlinkSync('..2024', join(top, 'mount', '..data'));
  symlinkSync(join('..data', 'model.onnx'), join(top, 'mount', 'model.onnx'));
  symlinkSync(join(top, 'nowhere'), join(top, 'mount', 'dangling'));
  const { found } = await scan(join(top, 'mount'));
  assert.deepEqual(versions(found, top), ['mount/1 mount/..2024/model.onnx']);
});

test('E79 a version directory that is not a plain positive integer is ignored with a warning', async () => {
  const wrong = ['007', '1e3', '-1', '9223372036854775808', 'two', '0'];
  const top = tree('iris/1/model.onnx', ...wrong.map((name) => `iris/${name}/model.onnx`));
  const { found, warnings } = await scan(top);
  assert.deepEqual(versions(found, top), ['iris/1 iris/1/model.onnx']);
  assert.deepEqual(found.problems, []);
  for (const name of wrong)
    assert.equal(
      warnings.filter((line) => line.includes(`directory '${name}' is not a version`)).length,
      1,
      name,
    );
});

test('E79 a model with nothing but such directories is listed, not overlooked', async () => {
  const { found } = await scan(tree('iris/007/model.onnx', 'good/1/model.onnx'));
  assert.deepEqual(
    found.models.map(({ name }) => name),
    ['good'],
  );
  const [problem] = found.problems;
  assert.equal(`${problem?.model}/${problem?.version}`, 'iris/0');
  assert.match(problem?.reason ?? '', /^no usable version: directory '007' is not a version/);
});

test('a version without a model file is listed with what is there; its neighbours are served', async () => {
  const top = tree(
    'iris/1/model.onnx',
    'iris/2/model.pt',
    'iris/3/',
    'iris/4/model.onnx/',
    'torch/1/model.pt',
  );
  const { found } = await scan(top);
  assert.deepEqual(versions(found, top), ['iris/1 iris/1/model.onnx']);
  assert.deepEqual(
    found.problems.map(({ model, version, reason }) => `${model}/${version} ${reason}`),
    [
      "iris/2 its directory holds no model.onnx, but 'model.pt'",
      'iris/3 its directory holds no model.onnx (it is empty)',
      'iris/4 its directory model.onnx/ holds 0 .onnx files: wanted model.onnx',
      "torch/1 its directory holds no model.onnx, but 'model.pt'",
    ],
  );
});

test('an illegal name is listed, and the same model in two repositories is a conflict that the first wins', async () => {
  const first = tree('iris/1/model.onnx', 'bad name/1/model.onnx');
  const second = tree('iris/2/model.onnx', 'other/1/model.onnx');
  const { found, warnings } = await scan(first, second, first);
  assert.deepEqual(
    found.models.map(({ name, repository }) => `${name} ${basename(repository)}`),
    [`iris ${basename(first)}`, `other ${basename(second)}`],
  );
  assert.deepEqual(
    found.problems.map(({ model, reason }) => `${model}: ${reason}`),
    [
      'bad name: not a legal name for a model: wanted 1 to 255 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit',
      `iris: the same model is in two repositories, '${basename(first)}' (number 1) and '${basename(second)}' (number 2): only the first one's is served`,
    ],
  );
  assert.equal(warnings.length, 2);
});

test('a directory that cannot be read is one model’s problem', async () => {
  const top = tree('locked/1/model.onnx', 'iris/1/model.onnx');
  chmodSync(root, 0o755);
  chmodSync(join(top, 'locked'), 0);
  const isRoot = process.getuid?.() === 0;
  let found: Found;
  try {
    // Root may read everything: be nobody for a moment.
    if (isRoot) process.seteuid?.(65534);
    found = (await scan(top)).found;
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(join(top, 'locked'), 0o755);
  }
  assert.deepEqual(versions(found, top), ['iris/1 iris/1/model.onnx']);
  assert.match(found.problems[0]?.reason ?? '', /cannot be read: permission denied/);
});

test('a tree that is not understood is printed with the nearest layout that is', async () => {
  const files = Array.from({ length: 40 }, (_, i) => `zoo/part${i % 4}/f${String(i).padStart(2, '0')}.bin`);
  const top = tree('resnet.onnx', ...files);
  const { found } = await scan(top);
  assert.deepEqual(found.models, []);
  const reason = found.unusable[0]?.reason ?? '';
  const lines = reason.split('\n');
  assert.match(
    lines[0] as string,
    /^Cannot use model repository '.*': no model in it\. Wanted: move resnet\.onnx to resnet\/1\/model\.onnx, or give the path of resnet\.onnx itself\.$/,
  );
  assert.deepEqual(lines.slice(1, 6), ['Found:', '  resnet.onnx', '  zoo/', '    part0/', '      f00.bin']);
  assert.deepEqual(lines.slice(12, 15), ['      f28.bin', '      …', '    part1/']);
  assert.equal(lines.length, 22);
  assert.equal(lines.at(-1), '  …');

  const nested = await scan(tree('group/iris/1/model.onnx'));
  assert.match(
    nested.found.unusable[0]?.reason ?? '',
    /Wanted: group\/1\/model\.onnx .*\n {2}group\/\n {4}iris\/\n {6}1\/$/s,
  );
});

test('a repository that is not there or is no model is unusable, an empty one is not', async () => {
  const top = tree('notes.txt', 'empty/', 'good/1/model.onnx');
  const { found, warnings } = await scan(
    join(top, 'absent'),
    join(top, 'notes.txt'),
    join(top, 'empty'),
    top,
  );
  assert.deepEqual(
    found.unusable.map(({ reason }) => reason.replace(/'.*'/, 'R')),
    [
      'Cannot use model repository R: no such file or directory',
      'Cannot use model repository R: it is a file, but not an .onnx file: wanted a directory or an .onnx file',
    ],
  );
  assert.deepEqual(
    found.models.map(({ name }) => name),
    ['good'],
    'the others are served all the same',
  );
  assert.match(warnings[0] as string, /Repository is empty/);
});

test('of more versions than are looked at, the newest are served', async () => {
  const top = tree(...Array.from({ length: 1001 }, (_, i) => `iris/${i + 1}/model.onnx`));
  const { found, warnings } = await scan(top);
  const numbers = found.models[0]?.versions.map(({ version }) => version) ?? [];
  assert.equal(numbers.length, 1000);
  assert.equal(numbers[0], 2);
  assert.match(warnings[0] as string, /of 1001 versions only the newest 1000/);
});
