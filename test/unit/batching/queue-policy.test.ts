import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  levelOf,
  NO_SCHEDULING,
  policyOf,
  ripeness,
  timeLimits,
} from '../../../gateway/batching/queue-policy.js';
import type { ParameterValue } from '../../../gateway/core/infer-call.js';
import type { QueuePolicy, Scheduling } from '../../../gateway/core/scheduling.js';
import { policy } from './paced-rig.js';

const NEVER = Number.POSITIVE_INFINITY;

test('the level of a request', () => {
  const levels: Scheduling = { ...NO_SCHEDULING, priorityLevels: 3, defaultPriorityLevel: 2 };
  const rows: [string, Scheduling, ParameterValue | undefined, number][] = [
    ['without priorities there is one', NO_SCHEDULING, 3, 0],
    ['nothing asked: the default', levels, undefined, 2],
    ['0: the default', levels, 0n, 2],
    ['the most urgent', levels, 1n, 1],
    ['the last', levels, 3, 3],
    ['beyond the last: the default', levels, 4n, 2],
    ['far beyond', levels, 2n ** 64n - 1n, 2],
    ['below the first', levels, -1, 2],
    ['no number', levels, 'high', 2],
  ];
  for (const [sentence, scheduling, asked, wanted] of rows)
    assert.equal(levelOf(scheduling, asked), wanted, sentence);
});

test('the policy of a level: its own, else the default', () => {
  const own = policy({ maxQueueSize: 1 });
  const scheduling = { ...NO_SCHEDULING, queuePolicies: { 2: own } };
  assert.equal(policyOf(scheduling, 2), own);
  assert.equal(policyOf(scheduling, 1), scheduling.defaultQueuePolicy);
  assert.equal(policyOf(scheduling, 0), scheduling.defaultQueuePolicy);
});

test('how long a request may wait, and when its answer comes too late', () => {
  const call = { arrivedAt: 1000, deadline: 1500 };
  const free = { arrivedAt: 1000, deadline: NEVER };
  const may = { allowTimeoutOverride: true };
  const rows: [string, typeof call, Partial<QueuePolicy>, ParameterValue | undefined, [number, number]][] = [
    ['nothing said', free, {}, undefined, [NEVER, NEVER]],
    ['its deadline only', call, {}, undefined, [NEVER, 1500]],
    ['its timeout, in microseconds', free, {}, 200_000n, [NEVER, 1200]],
    ['the earlier: the timeout', call, {}, 200_000, [NEVER, 1200]],
    ['the earlier: the deadline', call, {}, 900_000, [NEVER, 1500]],
    ['less than a millisecond', call, {}, 1n, [NEVER, 1000.001]],
    ['0 is none', call, {}, 0n, [NEVER, 1500]],
    ['nor is what is below it, or no number', call, {}, 'soon', [NEVER, 1500]],
    ['a default', call, { defaultTimeoutMs: 300 }, undefined, [1300, 1500]],
    ['a default that none may override', call, { defaultTimeoutMs: 300 }, 200_000, [1300, 1200]],
    ['a default, overridden', call, { defaultTimeoutMs: 300, ...may }, 200_000, [1200, 1500]],
    ['not made longer', call, { defaultTimeoutMs: 300, ...may }, 400_000, [1300, 1500]],
    ['no default, overridden', call, may, 400_000, [1400, 1500]],
    ['may override, and does not', call, { defaultTimeoutMs: 300, ...may }, 0n, [1300, 1500]],
  ];
  for (const [sentence, of, its, timeout, [queueUntil, deadline]] of rows)
    assert.deepEqual(timeLimits(of, policy(its), timeout), { queueUntil, deadline }, sentence);
});

test('whether a batch may be closed, or until when it waits', () => {
  const say = (
    preferredBatchSizes: readonly number[],
    maxQueueDelayMs: number,
    costs: readonly number[],
    waitedMs: number,
  ): string => {
    const cost = costs.reduce((sum, rows) => sum + rows, 0);
    const queue = { cost, maxCost: 8, oldestAt: 1000, now: 1000 + waitedMs };
    const reachable = (wanted: number): boolean => {
      let sum = 0;
      for (const rows of costs) if (sum < wanted) sum += rows;
      return sum === wanted;
    };
    const found = ripeness({ ...NO_SCHEDULING, preferredBatchSizes, maxQueueDelayMs }, queue, reachable);
    return found.ripe ? `${found.rows} ${found.why}` : `waits until ${found.until}`;
  };
  const rows: [string, Parameters<typeof say>, string][] = [
    ['a preferred size', [[2, 4], 10, [1, 1], 0], '2 preferred'],
    ['the largest of them', [[2, 4], 10, [1, 1, 1, 1], 0], '4 preferred'],
    ['in front of more', [[2, 4], 10, [1, 1, 1], 0], '2 preferred'],
    ['none: it waits for the delay of the first', [[2, 4], 10, [1], 3], 'waits until 1010'],
    ['at the end of it', [[2, 4], 10, [1], 10], '8 delay'],
    ['a full one', [[2, 4], 10, [1, 4, 3], 0], '8 full'],
    ['one that the next takes beyond all sizes', [[2, 4], 10, [3, 2], 0], '4 preferred'],
    ['but not when the delay is over', [[2, 4], 10, [3, 2], 10], '8 delay'],
    ['one request beyond all sizes', [[2, 4], 10, [5], 0], '4 preferred'],
    ['one below the largest size may come to it yet', [[2, 6], 10, [3], 0], 'waits until 1010'],
    ['also after a size that was passed over', [[2, 6], 10, [1, 3], 0], 'waits until 1010'],
    ['a delay only', [[], 10, [7], 9], 'waits until 1010'],
    ['sizes only: a preferred one', [[4], 0, [2, 2, 1], 0], '4 preferred'],
    ['sizes only: none, so whatever is there', [[4], 0, [3], 0], '0 undefined'],
  ];
  for (const [sentence, args, wanted] of rows) assert.equal(say(...args), wanted, sentence);
});
