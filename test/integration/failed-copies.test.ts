/** What was copied for a version that is not served after all takes no disk. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { putVersion, until } from '../support/model-changes.js';
import { addModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const WATCH = { watch: { pollMs: 40, confirmMs: 20 } };

test('the copy of a version that fails is removed, and so is that of new files that fail; what serves keeps its own', async (t) => {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const cacheDir = makeRepository(t, {});
  const { gateway } = await useGateway(t, { modelRepository: [repository], cacheDir }, WATCH);
  const copies = () => {
    const [own = ''] = readdirSync(cacheDir);
    return readdirSync(join(cacheDir, own, 'add'));
  };
  assert.deepEqual(copies(), ['1']);
  const line = JSON.stringify({ inputs: { X: [[1, 2, 3, 4]] }, outputs: { Y: [[0, 0, 0, 0]] } });
  const golden = (version: number) => writeFileSync(join(repository, `add/${version}/golden.jsonl`), line);
  const reasonOf = (version: number) =>
    gateway.catalog.list().find((each) => each.version === version)?.reason ?? '';
  putVersion(repository, 'add/2', addModel(2));
  golden(2);
  await until(
    () => /golden.jsonl/.test(reasonOf(2)),
    () => JSON.stringify(gateway.catalog.list()),
  );
  rmSync(join(repository, 'add/2'), { recursive: true });
  golden(1);
  await until(
    () => /golden.jsonl/.test(reasonOf(1)),
    () => JSON.stringify(gateway.catalog.list()),
  );
  await until(
    () => copies().join() === '1',
    () => copies().join(),
  );
  assert.equal(gateway.catalog.describe('add', '1').version, 1);
});
