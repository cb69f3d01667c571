import type { Bug } from './bug.js';

const CHOOSE = 'gateway/batching/choose-batch.js';
const FORM = 'gateway/batching/form-batch.js';
const ADMISSION = 'gateway/batching/admission.js';
const LATENCY = 'gateway/batching/latency-model.js';
const QUEUE = 'gateway/batching/batch-queue.js';
const POLICY = 'gateway/batching/batch-policy.js';

/** Of the order, of the choice of batches, of what is dropped or refused, and of what is learned. */
export const SCHEDULER_BUGS: readonly Bug[] = [
  {
    name: 'off by one: a batch is one row too large',
    file: FORM,
    find: 'lane.target(at.shared) : lane.maxCost;',
    replace: 'lane.target(at.shared) + 1 : lane.maxCost + 1;',
  },
  {
    name: 'off by one: a batch is never full',
    file: CHOOSE,
    find: 'count > 0 && cost + candidate.cost > rows',
    replace: 'count > 0 && cost + candidate.cost >= rows',
  },
  {
    name: 'feasibility is ignored: batches are as large as they can be',
    file: CHOOSE,
    find: 'if (forecast.guardMs(aim.cost) <= leftMs) return whole();',
    replace: 'return whole();',
  },
  {
    name: 'one tight deadline shrinks the batches of an overloaded queue',
    file: CHOOSE,
    find: '!at.earlyDrop || at.othersInTime(saving.cost, tight)',
    replace: 'true',
  },
  {
    name: 'what is hopeless is run',
    file: FORM,
    find: 'entry.deadline < startsAt + latency.estimateMs(entry.cost)',
    replace: 'entry.deadline < startsAt',
  },
  {
    name: 'a duration is taken for seconds where the hopeless are told',
    file: FORM,
    find: 'entry.deadline < startsAt + latency.estimateMs(entry.cost)',
    replace: 'entry.deadline < startsAt + 1000 * latency.estimateMs(entry.cost)',
  },
  {
    name: 'nobody is refused at admission',
    file: ADMISSION,
    find: 'if (lateMs <= 0) return;',
    replace: 'if (lateMs <= 1e9) return;',
  },
  {
    name: 'admission forgets that there are several workers',
    file: ADMISSION,
    find: 'at.rowsAhead / (at.batchRows * at.workers)',
    replace: 'at.rowsAhead / at.batchRows',
  },
  {
    name: 'admission takes a deadline for a duration',
    file: ADMISSION,
    find: 'earliestEnd(at) - at.deadline',
    replace: 'earliestEnd(at) - (at.deadline - at.now)',
  },
  {
    name: 'nothing is learned after preparation',
    file: LATENCY,
    find: 'size.surprise += NEW_WEIGHT * bounded(surprise - size.surprise);',
    replace: '',
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
    name: 'the least urgent level comes first',
    file: QUEUE,
    find: 'this.#lines.sort((a, b) => a.level - b.level)',
    replace: 'this.#lines.sort((a, b) => b.level - a.level)',
  },
  {
    name: 'a queue forgets no rows',
    file: QUEUE,
    find: 'this.cost -= entry.cost;',
    replace: '',
  },
  {
    name: 'what a caller has had is not counted',
    file: 'gateway/batching/caller-shares.js',
    find: 'account.used += this.priceOf(caller, rows);',
    replace: '',
  },
  {
    name: 'answers leave as they come where they should keep their order',
    file: 'gateway/batching/answer-order.js',
    find: 'if (!first.done && first.deliver === undefined) return;',
    replace: 'if (!first.done && first.deliver === undefined) { this.#places.shift(); continue; }',
  },
  {
    name: 'lost wake-up: what was held back is not looked at again',
    file: 'gateway/batching/wake-timer.js',
    find: 'if (instant >= this.#at)',
    replace: 'if (instant >= 0)',
  },
  {
    name: "a request's timeout is taken for milliseconds",
    file: 'gateway/batching/queue-policy.js',
    find: 'asked / 1000 :',
    replace: 'asked :',
  },
  {
    name: "rows that have left a version's queue count against its bound",
    file: 'gateway/batching/backlog.js',
    find: 'lane.queuedCost -= entry.cost;',
    replace: '',
  },
  {
    name: 'empty queues are kept',
    file: 'gateway/batching/backlog.js',
    find: 'queues.delete(entry.shape);',
    replace: '',
  },
];
