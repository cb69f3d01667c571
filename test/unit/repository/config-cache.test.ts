import assert from 'node:assert/strict';
import { renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../gateway/core/logger.js';
import { ConfigCache } from '../../../gateway/repository/config-cache.js';
import { scanRepositories } from '../../../gateway/repository/model-source.js';
import { makeRepository } from '../../support/use-gateway.js';

const MODELS = 100;

function config(size: number, parameters = 0): string {
  const more = Array.from(
    { length: parameters },
    (_, i) => `parameters { key: "p${i}" value { string_value: "value ${i}" } }\n`,
  );
  return `max_batch_size: ${size}\n${more.join('')}`;
}

test('config.pbtxt is read anew when it changes, by size, date or inode, and in the look after it was seen first', async (t) => {
  const repository = makeRepository(t, {
    'm/1/model.onnx': Buffer.from('x'),
    'm/config.pbtxt': Buffer.from(config(4)),
  });
  const path = join(repository, 'm/config.pbtxt');
  const configs = new ConfigCache();
  const look = async (): Promise<number | undefined> => {
    configs.next();
    const { models } = await scanRepositories({ repositories: [repository], configs, logger: silentLogger });
    return models[0]?.configuration?.maxBatchSize;
  };
  const dated = (name: string, text: string): void => {
    writeFileSync(name, text);
    utimesSync(name, 1000, 1000);
  };
  dated(path, config(4));
  assert.deepEqual([await look(), await look(), await look()], [4, 4, 4]);
  const { ino } = statSync(path);
  dated(`${path}.new`, config(5));
  renameSync(`${path}.new`, path);
  assert.notEqual(statSync(path).ino, ino);
  assert.equal(await look(), 5);
  dated(path, config(16));
  assert.equal(await look(), 16, 'another size');
  writeFileSync(path, config(17));
  assert.equal(await look(), 17, 'another date');
  writeFileSync(path, 'max_batch_size: no');
  assert.equal(await look(), undefined);
  dated(path, config(3));
  assert.deepEqual([await look(), await look(), await look()], [3, 3, 3]);
});

test('what two looks have not asked for is forgotten, and what was read once is read again', async (t) => {
  const repository = makeRepository(t, { 'a/config.pbtxt': Buffer.from('') });
  const path = join(repository, 'a/config.pbtxt');
  const cache = new ConfigCache();
  let reads = 0;
  const get = () => cache.get(path, 'a', async () => ({ fault: `read ${++reads}` }));
  for (let i = 0; i < 5; i++) {
    cache.next();
    await get();
  }
  assert.equal(reads, 2, 'the second time it may have changed within a date');
  cache.next();
  cache.next();
  await get();
  assert.equal(reads, 3);
});

test('a look at models whose files are the same parses nothing', async (t) => {
  const files = Array.from({ length: MODELS }, (_, i): [string, Uint8Array][] => [
    [`m${i}/1/model.onnx`, Buffer.from('x')],
    [`m${i}/config.pbtxt`, Buffer.from(config(8, 40))],
  ]);
  const repository = makeRepository(t, Object.fromEntries(files.flat()));
  const configs = new ConfigCache();
  const userMs = async (cached: boolean): Promise<number> => {
    if (cached) configs.next();
    const before = process.cpuUsage();
    const { models } = await scanRepositories({
      repositories: [repository],
      ...(cached && { configs }),
      logger: silentLogger,
    });
    assert.equal(models.length, MODELS);
    return process.cpuUsage(before).user / 1000;
  };
  await userMs(true);
  await userMs(true);
  const [parsed, known] = [await userMs(false), await userMs(true)];
  t.diagnostic(
    `${MODELS} models: ${parsed.toFixed(0)} ms of CPU to read them all, ${known.toFixed(0)} to look`,
  );
  assert.ok(known < parsed / 2, `${known} ms, ${parsed} ms`);
});
