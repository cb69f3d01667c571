import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Epoch } from '../../../../gateway/telemetry/tracing/epoch.js';
import { resourceOf } from '../../../../gateway/telemetry/tracing/resource.js';
import { FakeClock } from '../../../support/fake-clock.js';

test('the resource: what is given, decoded; a name of the service among it holds where none was set', () => {
  const resource = resourceOf(['a=b%20c', 'service.name=mine', 'bad=%zz'], 'sluice', '1.2.3');
  assert.deepEqual([resource['a'], resource['service.name'], resource['bad']], ['b c', 'mine', '%zz']);
  assert.equal(resource['service.version'], '1.2.3');
  assert.equal(resourceOf(['service.name=mine'], 'set', '1')['service.name'], 'set');
});

test('instants since 1970 follow the wall clock when it is set, and do not jitter with it', () => {
  const clock = new FakeClock(1000);
  let wallMs = 5_000_000.5;
  const epoch = new Epoch(clock, () => wallMs);
  assert.deepEqual(epoch.at(1000), [5000, 500_000]);
  assert.deepEqual(epoch.at(1250.25), [5000, 250_750_000]);
  wallMs += 15;
  epoch.refresh();
  assert.deepEqual(epoch.at(1000), [5000, 500_000]);
  wallMs += 3_600_000;
  epoch.refresh();
  assert.deepEqual(epoch.at(1000), [8600, 15_500_000]);
});
