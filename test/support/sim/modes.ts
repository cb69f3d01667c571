import type { BatcherOptions } from '../../../gateway/batching/batcher-options.js';

/** How the batcher is set for a scenario. */
export type Mode = 'all on' | 'no admission' | 'fifo';

const SCHEDULERS = {
  'all on': { order: 'deadline', batchChoice: true, earlyDrop: true, admission: true },
  'no admission': { order: 'deadline', batchChoice: true, earlyDrop: true, admission: false },
  fifo: { order: 'arrival', batchChoice: false, earlyDrop: false, admission: false },
} as const;

/** The batcher's options for a mode. */
export function scheduler(mode: Mode): Partial<BatcherOptions> {
  const options: object = { scheduler: SCHEDULERS[mode] };
  return options;
}

/** Whether the whole of the scenarios is wanted, or what `npm test` has time for. */
export const FULL = process.env['SIM_SIZE'] === 'full';
