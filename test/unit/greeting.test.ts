import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFrom } from '../../gateway/config/from-settings.js';
import { exampleCall, type Greeted, greeting } from '../../gateway/greeting.js';
import { FakeCatalog } from '../support/fake-catalog.js';

const PORTS = { grpcPort: 8001, httpPort: 8000, metricsPort: 8002 };

function greeted(models: readonly string[], grpcAddress = '127.0.0.1'): Greeted & { catalog: FakeCatalog } {
  const catalog = new FakeCatalog();
  for (const model of models) catalog.set(model, 1, 'available');
  const config = configFrom({ grpc: { address: grpcAddress } });
  return { catalog, config, plan: { workers: 2, intraOpThreads: 1, why: '2 workers x 1 thread, because' } };
}

test('it says what is served and why not, by how many workers, where, and a call to copy', () => {
  const gateway = greeted(['iris']);
  gateway.catalog.set('broken', 3, 'failed', "failed to load model 'broken' version 3: its file is empty");
  gateway.catalog.set('none', 0, 'failed', 'no usable version');
  assert.equal(
    greeting(gateway, PORTS),
    [
      '',
      'Models',
      '  iris/1    available',
      '  broken/3  failed: its file is empty',
      '  none      failed: no usable version',
      '',
      'Workers   2 workers x 1 thread, because',
      'gRPC      127.0.0.1:8001',
      'HTTP      http://127.0.0.1:8000/readyz, /livez, /metrics',
      'Metrics   http://127.0.0.1:8002/metrics',
      '',
      'Try it from another terminal:',
      "  npx sluice predict iris --input '[[5.1,3.5,1.4,0.2]]'",
      '',
      '',
    ].join('\n'),
  );
});

test('the call to copy reaches the server wherever it listens', () => {
  const table: readonly [says: string, address: string, grpcPort: number, option: string][] = [
    ['the default needs no address', '127.0.0.1', 8001, ''],
    ['another port does', '127.0.0.1', 9001, ' --address localhost:9001'],
    ['all interfaces include loopback', '0.0.0.0', 8001, ''],
    ['one interface does not', '10.0.0.7', 8001, ' --address 10.0.0.7:8001'],
    ['an IPv6 address is bracketed', 'fd00::7', 8001, ' --address [fd00::7]:8001'],
  ];
  for (const [says, address, grpcPort, option] of table) {
    const wanted = `npx sluice predict m${option} --input '[[0,0,0,0]]'`;
    assert.equal(exampleCall(greeted(['m'], address), { ...PORTS, grpcPort }), wanted, says);
  }
});

test('a model that takes no short row of numbers is not shown; without any, a list is', () => {
  const gateway = greeted(['m']);
  const [X] = gateway.catalog.signature.inputs;
  for (const change of [
    { shape: [-1] },
    { shape: [-1, -1] },
    { shape: [-1, 17] },
    { datatype: 'BYTES' as const },
  ]) {
    gateway.catalog.signature = { ...gateway.catalog.signature, inputs: [{ ...X, ...change } as never] };
    assert.equal(exampleCall(gateway, PORTS), 'npx sluice models');
  }
  assert.equal(exampleCall(gateway, { grpcPort: undefined }), undefined);
  assert.doesNotMatch(
    greeting(gateway, { ...PORTS, grpcPort: undefined, metricsPort: undefined }),
    /gRPC|Metrics|Try it/,
  );
});

test('of many models the first are shown', () => {
  const text = greeting(greeted(Array.from({ length: 25 }, (_, i) => `m${i}`)), PORTS);
  assert.match(text, / m19\/1 +available\n {2}… and 5 more: npx sluice models\n/);
});
