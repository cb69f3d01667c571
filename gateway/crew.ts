import { Batcher } from './batching/batcher.js';
import { FIFO, type SchedulerSwitches } from './batching/batcher-options.js';
import { buildPool, type PoolParts } from './build-pool.js';
import type { Config } from './config/schema.js';
import type { Manifest } from './core/manifest.js';
import { Dispatcher } from './pool/dispatcher.js';
import type { Pool } from './pool/pool.js';

/** What a crew is made of. */
export interface CrewParts extends PoolParts {
  /** Keeps a version loaded until the function that it returns is called. */
  readonly retain: (manifest: Manifest) => () => void;
  /** A caller's share of a model, relative to others'. */
  readonly shareOf: (caller: string) => number;
}

/** Workers, what waits for them, and what brings the two together. */
export class Crew {
  readonly pool: Pool;
  readonly batcher: Batcher;
  readonly dispatcher: Dispatcher;

  constructor(parts: CrewParts) {
    const { config, clock, logger, recorder, retain, shareOf } = parts;
    this.pool = buildPool(parts);
    this.batcher = new Batcher({
      clock,
      recorder,
      maxQueueRows: config.queue.maxQueueRows,
      maxQueueBytes: config.queue.maxQueueBytes,
      retain,
      workers: () => this.pool.ready,
      freeInMs: (now) => this.pool.freeInMs(now),
      scheduler: switchesOf(config.queue),
      shareOf,
    });
    this.dispatcher = new Dispatcher({
      pool: this.pool,
      source: this.batcher,
      clock,
      logger,
      soon: setImmediate,
    });
  }
}

function switchesOf({ scheduler, batchChoice, earlyDrop, admission }: Config['queue']): SchedulerSwitches {
  return scheduler === 'fifo' ? FIFO : { order: 'deadline', batchChoice, earlyDrop, admission };
}
