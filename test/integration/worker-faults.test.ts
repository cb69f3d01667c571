import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScenario } from '../faults/run-scenario.js';
import type { Order, Scenario } from '../faults/scenario.js';
import { SCENARIOS } from '../faults/scenarios.js';
import { judge } from '../faults/verdict.js';

/** A short form of scenarios of `npm run test:faults`, without the bars that need a quiet machine. */
function short(name: string, changes: Partial<Scenario>): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name) as Scenario;
  return { ...scenario, ...changes, bars: { noneFails: true, fullMs: 5000, p99Services: undefined } };
}

test('D63 a thread that throws and one that exits at the same time, under load, cost no call', async () => {
  const orders: Order[] = [
    { when: 'run', kind: 'throw' },
    { when: 'run', kind: 'exit' },
  ];
  const scenario = short('thread-all', { strike: { by: 'orders', orders }, times: 1 });
  const measured = await runScenario(scenario, 1);
  assert.deepEqual(judge(scenario, measured).misses, [], measured.notes.join('\n'));
  assert.ok(measured.calls > 5000, `${measured.calls} calls`);
});

test('crashes leave nothing behind: memory, threads, open files, handles, processes', async () => {
  const scenario = short('thread-leaks', { times: 20 });
  const measured = await runScenario(scenario, 1);
  assert.deepEqual(judge(scenario, measured).misses, [], measured.notes.join('\n'));
});
