import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FaultOrders } from '../../../worker/waiting-orders.js';

test('an order strikes once, at its moment, and what is no order is left alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-orders-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['run.throw.1', 'run.exit.2', 'load.kill.1', 'run.explode.1', 'README'])
    writeFileSync(join(folder, name), '');
  const [one, two] = [new FaultOrders(folder), new FaultOrders(folder)];
  assert.equal(one.take('warm-up'), undefined);
  assert.equal(one.take('run'), 'exit');
  assert.equal(two.take('run'), 'throw');
  assert.equal(one.take('run'), undefined);
  assert.equal(two.take('load'), 'kill');
  assert.deepEqual(readdirSync(folder).sort(), ['README', 'run.explode.1']);
});

test('no folder, and a folder that is not there, order nothing', () => {
  assert.equal(new FaultOrders(undefined).take('run'), undefined);
  assert.equal(new FaultOrders(join(tmpdir(), 'sluice-there-is-none')).take('run'), undefined);
});
