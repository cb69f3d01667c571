import type { Bug } from './bug.js';

const SLOT = 'gateway/pool/slot.js';
const DISPATCHER = 'gateway/pool/dispatcher.js';

/** Of the workers' side: slots, their hand-off, and the dispatcher. */
export const POOL_BUGS: readonly Bug[] = [
  {
    name: 'a slot is freed twice by one run',
    file: SLOT,
    find: 'this.#outstanding--;',
    replace: 'this.#outstanding = Math.max(0, this.#outstanding - 2);',
  },
  {
    name: 'a slot is never freed after a fault of its worker',
    file: SLOT,
    find: 'this.#refused = new Map(); void',
    replace: 'this.#refused = new Map(); this.#loads = 1; void',
  },
  {
    name: 'a worker near its end takes any number of runs',
    file: SLOT,
    find: '(this.#outstanding === 1 && this.#nearEnd.reached)',
    replace: 'this.#nearEnd.reached',
  },
  {
    name: 'nobody is told that a slot has become free',
    file: SLOT,
    find: "this.#state === 'busy' && this.#outstanding === 0",
    replace: "this.#state === 'busy' && this.#outstanding === 1",
  },
  {
    name: 'a worker stays near its end when its run is over',
    file: 'gateway/pool/near-end.js',
    find: 'this.#endsAt = Number.NEGATIVE_INFINITY; this.reached = false;',
    replace: 'this.#endsAt = Number.NEGATIVE_INFINITY;',
  },
  {
    name: 'the pool tells nobody that a slot has become free',
    file: 'gateway/pool/pool.js',
    find: 'this.#noticeWedged();\n        this.#onFree();',
    replace: 'this.#noticeWedged();',
  },
  {
    name: 'a trial whose worker was relieved by a spare is never given up',
    file: 'gateway/pool/pool.js',
    find: 'changed || relieved',
    replace: 'changed',
  },
  {
    name: 'a worker that is on its way out counts among those that stay',
    file: 'gateway/pool/pool.js',
    find: "!standby && state !== 'stopped'",
    replace: '!standby',
  },
  {
    name: 'a version back from quarantine stays on the worker that tried it',
    file: 'gateway/pool/trials.js',
    find: 'void this.#spread(key);',
    replace: '',
  },
  {
    name: 'lost wake-up: what comes while work is handed out is not looked at',
    file: DISPATCHER,
    find: 'this.#again = true;',
    replace: 'this.#again = !this.#pumping;',
  },
  {
    name: 'lost wake-up: only the first is dispatched',
    file: DISPATCHER,
    find: 'this.#scheduled = false; try',
    replace: 'try',
  },
  {
    name: 'a batch that met a fault is not taken up again until something else happens',
    file: DISPATCHER,
    find: 'this.#wait(work); this.#pump();',
    replace: 'this.#wait(work);',
  },
  {
    name: 'a batch that was taken up again is given up for its waiting, too',
    file: DISPATCHER,
    find: 'work.timer?.cancel(); return work;',
    replace: 'return work;',
  },
  {
    name: 'a batch may kill any number of workers',
    file: DISPATCHER,
    find: 'batch.attempts++;',
    replace: '',
  },
  {
    name: 'an answer is handed out twice',
    file: DISPATCHER,
    find: 'work.batch.complete(outcome);',
    replace: 'work.batch.complete(outcome); work.batch.complete(outcome);',
  },
  {
    name: 'a worker is sent what it does not hold',
    file: DISPATCHER,
    find: 'this.#options.source.take(slot.canRun,',
    replace: 'this.#options.source.take(() => true,',
  },
  {
    name: 'a batch that has ended workers is run whole for ever',
    file: 'gateway/pool/retry-policy.js',
    find: "return { kind: requests > 1 ? 'split' : 'quarantine' };",
    replace: "return { kind: 'again' };",
  },
  {
    name: 'the halves of a batch that has ended workers are no suspects',
    file: 'gateway/batching/batch.js',
    find: 'parts, this.attempts - 1);',
    replace: 'parts, 0);',
  },
  {
    name: 'an answer that waited for others may be too late',
    file: 'gateway/batching/entry.js',
    find: 'this.expire(this.#host.clock.now());',
    replace: '',
  },
  {
    name: 'a run is given up at the first look',
    file: 'gateway/pool/hang-watch.js',
    find: 'if (this.#suspects.get(slot) !== occupation.id)',
    replace: 'if (false)',
  },
  {
    name: 'nobody looks after workers any more once they were idle',
    file: 'gateway/pool/hang-watch.js',
    find: 'this.#timer = undefined; const now',
    replace: 'const now',
  },
];
