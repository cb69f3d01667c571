import { monotonicMs } from '../../bench/clock.js';
import { seededRandom } from '../../bench/load/random.js';
import type { OrderFolder } from './repository.js';
import type { Strike } from './scenario.js';
import type { System } from './system.js';

/** A way to let a scenario's fault happen, again and again; resolves with the instant at which it did. */
export function striker(
  strike: Strike,
  system: Pick<System, 'workerPids'>,
  orders: OrderFolder,
  seed: number,
): () => Promise<number> {
  if (strike.by === 'orders') return () => orders.strike(strike.orders);
  const random = seededRandom(seed, 8);
  return async () => {
    const pids = system.workerPids();
    for (let i = 0; i < strike.workers && pids.length > 0; i++) {
      const [pid] = pids.splice(Math.floor(random() * pids.length), 1);
      signalTo(pid as number, strike.signal);
    }
    return monotonicMs();
  };
}

/** A process that is gone already was struck before. */
function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
