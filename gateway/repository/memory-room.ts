import type { Clock } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import { type HeldCopy, type MemorySituation, planMemory } from './memory-budget.js';
import type { ModelRecord } from './model-record.js';

/** How the memory of the server is accounted for. */
export interface MemoryAccount {
  readonly limit: MemorySituation['limit'];
  /** What the server and its workers hold now. */
  readonly residentBytes: () => number;
  /** How many workers hold a version of this model, spares included. */
  readonly workersOf: (model: string) => number;
}

export interface MemoryRoomOptions extends MemoryAccount {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly records: () => Iterable<ModelRecord>;
  /** A model has something to unload. */
  readonly changed: (model: string) => void;
}

/** How often is looked whether what was given up is gone, and for how long: requests may hold it. */
const LOOK_EVERY_MS = 20;
const LONGEST_WAIT_MS = 10_000;

/** Sees to it that a version that is loaded fits into memory beside the others. */
export class MemoryRoom {
  readonly #options: MemoryRoomOptions;
  #serverBytes: number | undefined;

  constructor(options: MemoryRoomOptions) {
    this.#options = options;
  }

  /**
   * Makes room for a version that is about to be loaded: gives up versions that are merely kept, says so, and waits until they
   * are gone. Rejects with RESOURCE_EXHAUSTED and the figures where that would not do, or takes too long.
   */
  async make(manifest: Manifest): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + LONGEST_WAIT_MS;
    while (!this.#fits(manifest, clock.now() >= end)) {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, LOOK_EVERY_MS, { unref: true }));
    }
  }

  #fits(manifest: Manifest, late: boolean): boolean {
    const { limit, workersOf, logger } = this.#options;
    // Of the server as it is before it holds a model.
    this.#serverBytes ??= this.#options.residentBytes();
    const { model, version, memory } = manifest;
    if (memory === undefined) return true;
    const incoming = { model, memory, workers: workersOf(model) };
    const plan = planMemory({ limit, serverBytes: this.#serverBytes, held: this.#held(), incoming });
    if (plan.kind === 'fits') return true;
    const subject = `failed to load model ${quote(model)} version ${version}`;
    if (plan.kind === 'refuse') throw exhausted(`${subject}: ${plan.why}`);
    if (late) throw exhausted(`${subject}: what was given up for its memory is still in use`);
    if (plan.kind === 'give_up') {
      logger.warn({ model, version, given: plan.keys }, 'Kept versions are given up: memory is short');
      this.#giveUp(new Set(plan.keys));
    }
    return false;
  }

  #held(): HeldCopy[] {
    const held: HeldCopy[] = [];
    for (const record of this.#options.records()) {
      const workers = this.#options.workersOf(record.name);
      for (const { manifest, role } of record.copies())
        held.push({ key: versionKey(manifest), bytes: workers * (manifest.memory?.sessionBytes ?? 0), role });
    }
    return held;
  }

  #giveUp(keys: ReadonlySet<string>): void {
    for (const record of this.#options.records()) {
      const versions = [...record.copies()].filter(({ manifest }) => keys.has(versionKey(manifest)));
      for (const { manifest } of versions) record.giveUp(manifest.version);
      if (versions.length > 0) this.#options.changed(record.name);
    }
  }
}

function exhausted(message: string): GatewayError {
  return new GatewayError('RESOURCE_EXHAUSTED', message, { reason: 'model_error' });
}
