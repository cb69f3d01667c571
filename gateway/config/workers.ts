import type { Machine } from './machine.js';

/** How many workers there will be, and how many threads each run gets. */
export interface WorkerPlan {
  readonly workers: number;
  readonly intraOpThreads: number;
  /** For people: how it came to these numbers. */
  readonly why: string;
}

/** An explicit number of workers or threads that the cores cannot carry. */
export class WorkerExcess extends Error {
  override readonly name = 'WorkerExcess';
}

/**
 * Divides the cores among workers: workers x threads never exceed them, since more runs than cores only add latency.
 * One thread a run gives the most throughput (with two, a run is 1.4 to 1.55 times as fast for twice the cores), so
 * `auto` threads is 1 and `auto` workers fills what is left. Throws a WorkerExcess for explicit numbers that do not fit,
 * unless the waiting runtime is enabled, whose runs take no CPU.
 */
export function planWorkers(
  want: {
    readonly count: 'auto' | number;
    readonly intraOpThreads: 'auto' | number;
    /** @default false */
    readonly enableWaitingRuntime?: boolean;
  },
  machine: Pick<Machine, 'cores' | 'coresSource'>,
): WorkerPlan {
  const { cores, coresSource } = machine;
  const intraOpThreads = want.intraOpThreads === 'auto' ? 1 : want.intraOpThreads;
  if (intraOpThreads > cores) {
    throw new WorkerExcess(
      `${intraOpThreads} intra-op threads exceed the ${plural(cores, 'core')} available (${coresSource})`,
    );
  }
  const workers = want.count === 'auto' ? Math.floor(cores / intraOpThreads) : want.count;
  const excess = workers * intraOpThreads > cores;
  if (excess && want.enableWaitingRuntime !== true) {
    throw new WorkerExcess(
      `${plural(workers, 'worker')} x ${plural(intraOpThreads, 'thread')} exceed the ${plural(cores, 'core')} available (${coresSource})`,
    );
  }
  const chosen = want.count === 'auto' ? 'filling' : excess ? FOR_WAITING : 'as configured, of';
  return {
    workers,
    intraOpThreads,
    why: `${plural(workers, 'worker')} x ${plural(intraOpThreads, 'thread')}, ${chosen} ${plural(cores, 'core')} (${coresSource})`,
  };
}

/** Real models would only slow each other down. */
const FOR_WAITING = 'as --enable-waiting-runtime allows, beyond the';

function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
