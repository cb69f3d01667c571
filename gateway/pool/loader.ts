import type { Clock } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import { Turns } from '../core/turns.js';
import type { Slot } from './slot.js';

export interface LoaderOptions {
  readonly clock: Clock;
  readonly slots: () => readonly Slot[];
  /** How long a load waits for a worker while none is up. @default 120_000 */
  readonly loadTimeoutMs?: number;
}

/** How often a load begins anew because every worker ended before it came to it. */
const MAX_LOAD_ROUNDS = 3;

/** Brings versions onto the workers and off them: one at a time, since a load blocks its worker. */
export class Loader {
  /** Every version that a worker must hold before it joins rotation. */
  readonly hosted = new Map<string, Manifest>();
  readonly #options: LoaderOptions;
  /** Of versions that wait for a worker that comes up. */
  readonly #waiters = new Map<string, (error: GatewayError | undefined) => void>();
  #closed = false;
  readonly #turns = new Turns();

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** As Pool.load. */
  load(manifest: Manifest): Promise<void> {
    return this.exclusive(() => this.#load(manifest));
  }

  /** As Pool.unload. */
  unload(key: string): Promise<void> {
    return this.exclusive(async () => {
      this.hosted.delete(key);
      await Promise.all(this.#options.slots().map((slot) => slot.unload(key)));
    });
  }

  /** A worker that comes up has loaded a version, or failed to. */
  warmed(key: string, error: GatewayError | undefined): void {
    this.#waiters.get(key)?.(error);
  }

  /** Fails what waits, and what comes. */
  close(): void {
    this.#closed = true;
    for (const settle of [...this.#waiters.values()]) settle(closedError());
  }

  /** One after the other: loads in turn leave the other workers free. */
  exclusive(work: () => Promise<void>): Promise<void> {
    return this.#turns.take(work);
  }

  async #load(manifest: Manifest): Promise<void> {
    if (this.#closed) throw closedError();
    const key = versionKey(manifest);
    const former = this.hosted.get(key);
    // First of all, so that a worker that comes up meanwhile takes it too.
    this.hosted.set(key, manifest);
    try {
      const held = (): boolean => this.#options.slots().some((slot) => slot.holds(key, manifest));
      let rounds = 0;
      do {
        // Nothing is awaited between the look at the slots and the waiter, so that no worker's word is missed.
        if (!this.#options.slots().some((slot) => slot.up)) await this.#firstHolder(key);
        for (const slot of this.#options.slots()) if (!slot.holds(key, manifest)) await slot.load(manifest);
      } while (!held() && ++rounds < MAX_LOAD_ROUNDS);
      if (!held())
        throw new GatewayError('UNAVAILABLE', 'all workers ended meanwhile', { reason: 'worker_fault' });
    } catch (error) {
      await this.#rollBack(key, manifest, former);
      const { code, message, details } = GatewayError.from(error);
      if (code !== 'UNAVAILABLE' || details.reason !== 'worker_fault') throw error;
      // A worker that dies while it loads a version most likely dies of it: it costs this version, not the others.
      throw new GatewayError('FAILED_PRECONDITION', `failed to load ${quote(key)}: ${message}`, {
        reason: 'worker_fault',
        cause: error,
      });
    }
  }

  async #rollBack(key: string, manifest: Manifest, former: Manifest | undefined): Promise<void> {
    if (former === undefined) this.hosted.delete(key);
    else this.hosted.set(key, former);
    for (const slot of this.#options.slots()) {
      if (!slot.holds(key, manifest)) continue;
      if (former === undefined) await slot.unload(key);
      else await slot.load(former).catch(() => slot.unload(key));
    }
  }

  /** Waits until the first worker that comes up has loaded it, or failed to. */
  #firstHolder(key: string): Promise<void> {
    const { clock, loadTimeoutMs = 120_000 } = this.#options;
    return new Promise((resolve, reject) => {
      const settle = (error: GatewayError | undefined): void => {
        timer.cancel();
        this.#waiters.delete(key);
        if (error === undefined) resolve();
        else reject(error);
      };
      const timer = clock.setTimer(() => {
        const message = `failed to load ${quote(key)}: no worker came up within ${loadTimeoutMs} ms`;
        settle(new GatewayError('UNAVAILABLE', message, { reason: 'no_worker' }));
      }, loadTimeoutMs);
      this.#waiters.set(key, settle);
    });
  }
}

function closedError(): GatewayError {
  return new GatewayError('UNAVAILABLE', 'the server is shutting down', { reason: 'draining' });
}
