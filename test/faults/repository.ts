import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../bench/clock.js';
import { LOAD_MS, MAX_ROWS, type Order, SERVICE_MS, WARM_UP_MS } from './scenario.js';

/** The name of the waiting model. */
export const MODEL = 'wait';
const FOLDER = 'orders';
/** How long an order may wait for a worker to take it. */
const TAKEN_WITHIN_MS = 5000;

/** A folder from which workers take their faults (worker/waiting-orders.ts), as the one who orders them sees it. */
export class OrderFolder {
  readonly path: string;
  #count = 0;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  /** Orders all of these at once. Resolves, when each was taken, with the instant of the last one. */
  async strike(orders: readonly Order[]): Promise<number> {
    const paths = orders.map(({ when, kind }) => join(this.path, `${when}.${kind}.${this.#count++}`));
    for (const path of paths) writeFileSync(path, '');
    const until = monotonicMs() + TAKEN_WITHIN_MS;
    while (paths.some((path) => existsSync(path))) {
      if (monotonicMs() > until) throw new Error('no worker took the fault: it never ran, or never loaded');
      await delay(2);
    }
    return monotonicMs();
  }
}

/** A temporary repository of one waiting model whose workers can be struck. */
export class OrderedRepository {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-faults-'));
  readonly orders: OrderFolder;

  constructor() {
    const version = join(this.path, MODEL, '1');
    this.orders = new OrderFolder(join(version, FOLDER));
    const spec = {
      costMs: { fixed: SERVICE_MS },
      maxBatchSize: MAX_ROWS,
      loadMs: LOAD_MS,
      warmUpMs: WARM_UP_MS,
      faultFolder: FOLDER,
    };
    writeFileSync(join(version, 'model.wait.json'), JSON.stringify(spec));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
