import type { Machine } from './config/machine.js';
import { memoryLimit, prepareBytes } from './config/memory.js';
import type { Config } from './config/schema.js';
import type { ModelCatalog } from './core/catalog.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import type { Manifest } from './core/manifest.js';
import { Preparer } from './pool/preparer.js';
import { readStatus, rssBytes } from './pool/rss-watch.js';
import type { MemoryAccount } from './repository/memory-room.js';

/** What is needed of the workers to account for their memory. */
interface Workers {
  status(): readonly { readonly pid: number | undefined }[];
  holdersOf(model: string): number;
}

interface MemorySample {
  readonly labels: { readonly model: string; readonly version: string };
  readonly value: number;
}

/** The preparation of versions, within the limits that the settings give it. */
export function buildPreparer(config: Config, machine: Machine, clock: Clock, logger: Logger): Preparer {
  return new Preparer({
    ...{ clock, logger },
    timeoutMs: config.prepareTimeoutSecs * 1000,
    maxBytes: prepareBytes(config.prepareMemoryBytes, machine),
    allowLoops: (model) => config.models[model]?.allowLoops ?? config.allowLoops,
  });
}

/** What there is of memory, and who takes it. */
export function memoryAccount(config: Config, machine: Machine, workers: Workers): MemoryAccount {
  return {
    limit: memoryLimit(config.memoryLimitBytes, machine),
    residentBytes: () =>
      workers
        .status()
        .reduce(
          (sum, { pid }) => sum + (pid === undefined ? 0 : (rssBytes(readStatus(pid)) ?? 0)),
          process.memoryUsage.rss(),
        ),
    workersOf: (model) => workers.holdersOf(model),
  };
}

/** What every version that is loaded takes, for the metric. */
export function memorySamples(
  catalog: Pick<ModelCatalog, 'list' | 'describe'>,
  workers: Workers,
): MemorySample[] {
  const samples: MemorySample[] = [];
  for (const { model, version, state } of catalog.list()) {
    if (state !== 'available') continue;
    const value = heldBytes(catalog.describe(model, String(version)), workers);
    if (value !== undefined) samples.push({ labels: { model, version: String(version) }, value });
  }
  return samples;
}

/** Bytes that a version takes on all its workers; undefined where that was not measured. */
export function heldBytes({ model, memory }: Manifest, workers: Workers): number | undefined {
  return memory && memory.sessionBytes * workers.holdersOf(model);
}
