import type { Bug } from './bug.js';

const BATCHER = 'gateway/batching/batcher.js';
const BATCH = 'gateway/batching/batch.js';
const ENTRY = 'gateway/batching/entry.js';

/** Of entries and batches, and of what the batcher counts. */
export const BATCHING_BUGS: readonly Bug[] = [
  {
    name: 'lost wake-up: only the first request of all is announced',
    file: BATCHER,
    find: 'try { if (!this.#held) this.onWork();',
    replace: 'try { if (!this.#held && this.#entries === 1) this.onWork();',
  },
  {
    name: 'lost wake-up: after a hold',
    file: BATCHER,
    find: '|| this.#runAgain.length > 0) this.onWork();',
    replace: '|| this.#runAgain.length > 0) return;',
  },
  {
    name: 'lost wake-up: when a limit of instances is no longer met',
    file: BATCHER,
    find: 'if (wasFull && !this.#held) this.onWork();',
    replace: '',
  },
  {
    name: 'lost wake-up: parts of a rejected batch',
    file: BATCHER,
    find: 'if (parts.length > 0 && !this.#held) this.onWork();',
    replace: '',
  },
  {
    name: 'one run more than the limit of instances',
    file: BATCHER,
    find: 'lane.running >= lane.maxRunning || !this.#runs',
    replace: 'lane.running > lane.maxRunning || !this.#runs',
  },
  {
    name: 'a run that is over still counts among its instances',
    file: BATCHER,
    find: 'lane.running-- >= lane.maxRunning',
    replace: 'lane.running >= lane.maxRunning',
  },
  {
    name: 'an entry is counted twice',
    file: BATCHER,
    find: 'this.#entries++;',
    replace: 'this.#entries += 2;',
  },
  {
    name: 'rows of who leaves the queue without a run count as waiting',
    file: BATCHER,
    find: "if (was === 'waiting') { this.#queuedRows -= entry.cost;",
    replace: "if (was === 'waiting') {",
  },
  {
    name: 'bytes of settled entries count as held',
    file: BATCHER,
    find: 'this.#bytes -= entry.bytes;',
    replace: '',
  },
  {
    name: 'who leaves stays in the queue',
    file: BATCHER,
    find: 'this.#queuedRows -= entry.cost; this.#backlog.remove(entry); this.#lookAgain',
    replace: 'this.#queuedRows -= entry.cost; this.#lookAgain',
  },
  {
    name: 'what runs is not counted as running',
    file: BATCHER,
    find: 'this.#runningEntries++;',
    replace: '',
  },
  {
    name: 'a part that nobody waits for any more is kept as a batch',
    file: BATCHER,
    find: 'this.#batches.delete(part);',
    replace: '',
  },
  {
    name: 'halves of a rejected batch that leave one entry out',
    file: 'gateway/batching/batch-policy.js',
    find: 'entries.slice(middle)]',
    replace: 'entries.slice(middle + 1)]',
  },
  {
    name: 'a rejected batch fails as a whole',
    file: BATCH,
    find: 'this.#host.runAgain(this.lane, bisect(this.live), this.attempts);',
    replace: 'for (const entry of this.live) entry.fail(outcome.error);',
  },
  {
    name: 'a batch holds its version for ever',
    file: BATCH,
    find: 'this.#letGo?.();',
    replace: '',
  },
  {
    name: 'expired entries run',
    file: BATCH,
    find: 'for (const entry of this.#members) entry.expire(now); this.#members = this.live;',
    replace: 'this.#members = this.live;',
  },
  {
    name: 'entries that have left run',
    file: BATCH,
    find: 'this.#members = this.live; if',
    replace: 'if',
  },
  {
    name: 'answers are handed to each other',
    file: BATCH,
    find: 'portions[i];',
    replace: 'portions[portions.length - 1 - i];',
  },
  {
    name: 'answers are handed out after the deadline',
    file: BATCH,
    find: 'for (const entry of this.#members) entry.expire(now); if',
    replace: 'if',
  },
  {
    name: 'run times are learned in seconds',
    file: BATCH,
    find: 'latency.observe(rows, computeMs, now)',
    replace: 'latency.observe(rows, computeMs / 1000, now)',
  },
  {
    name: 'a deadline is compared with another clock',
    file: ENTRY,
    find: 'this.deadline > now)',
    replace: 'this.deadline > performance.now())',
  },
  {
    name: 'a deadline is compared with a duration',
    file: ENTRY,
    find: 'this.deadline > now)',
    replace: 'this.deadline > now - this.submittedAt)',
  },
  {
    name: 'a deadline is compared in seconds',
    file: ENTRY,
    find: 'this.deadline > now)',
    replace: 'this.deadline / 1000 > now)',
  },
  {
    name: 'an entry settles again and again',
    file: ENTRY,
    find: "this.#state = 'settled';",
    replace: '',
  },
  {
    name: 'an entry that has settled still waits for its deadline',
    file: ENTRY,
    find: 'this.#host.wheel.remove(this.#expiry);',
    replace: '',
  },
  {
    name: 'a deadline is seen a second late',
    file: 'gateway/core/deadline.js',
    find: 'Math.max(Math.ceil(deadline / TICK_MS), this.#cursor + 1)',
    replace: 'Math.max(Math.ceil(deadline / TICK_MS) + 200, this.#cursor + 1)',
  },
];
