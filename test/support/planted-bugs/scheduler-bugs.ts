import type { Bug } from './bug.js';

const POLICY = 'gateway/batching/batch-policy.js';
const BACKLOG = 'gateway/batching/backlog.js';

/** Of the order, of the choice of batches, of what is dropped or refused, and of what is learned. */
export const SCHEDULER_BUGS: readonly Bug[] = [
  {
    name: 'a batch is one row too large',
    file: POLICY,
    find: 'forming.cost + head.cost > maxCost',
    replace: 'forming.cost + head.cost > maxCost + 1',
  },
  {
    name: 'a batch is never full',
    file: POLICY,
    find: 'forming.cost + head.cost > maxCost',
    replace: 'forming.cost + head.cost >= maxCost',
  },
  {
    name: 'the latest deadline comes first',
    file: POLICY,
    find: 'return a.turn < b.turn ||',
    replace: 'return a.turn > b.turn ||',
  },
  {
    name: 'what is equally urgent runs last come, first served',
    file: POLICY,
    find: 'a.sequence < b.sequence',
    replace: 'a.sequence > b.sequence',
  },
  {
    name: 'what has expired is put into batches',
    file: POLICY,
    find: 'head.deadline <= now)',
    replace: 'head.deadline <= 0)',
  },
  {
    name: "rows that have left a version's queue count against its bound",
    file: BACKLOG,
    find: 'entry.lane.queuedCost -= entry.cost;',
    replace: '',
  },
  {
    name: 'empty queues are kept',
    file: BACKLOG,
    find: 'queues.delete(entry.shape);',
    replace: '',
  },
  {
    name: 'the order of queues does not follow their first entries',
    file: BACKLOG,
    find: 'if (turnChanged) this.#order.reorder(queue);',
    replace: '',
  },
];
