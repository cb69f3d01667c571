/** Whatever happens to workers and versions in whatever order: afterwards all is there, and each batch has ended once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../gateway/core/error.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { Dispatcher } from '../../../gateway/pool/dispatcher.js';
import { Pool } from '../../../gateway/pool/pool.js';
import { FakeBatch, FakeSource, fakeManifest } from '../../support/fake-batch.js';
import { FakeWorkers, settled, workerLost } from '../../support/fake-channel.js';
import { FakeClock } from '../../support/fake-clock.js';

const MODELS = ['a', 'b', 'c'];

type Step =
  | { readonly kind: 'die' | 'respond' | 'nonsense'; readonly worker: number }
  | { readonly kind: 'batch'; readonly model: string }
  | { readonly kind: 'load'; readonly model: string }
  | { readonly kind: 'unload'; readonly model: string }
  | { readonly kind: 'deadly'; readonly model: string }
  | { readonly kind: 'resize'; readonly count: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'starts'; readonly fail: boolean };

const model = fc.constantFrom(...MODELS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('die'), worker: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('respond'), worker: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('nonsense'), worker: fc.nat(5) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('batch'), model }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('load', 'unload'), model }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deadly'), model }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resize'), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.constantFrom(1, 200, 11_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('starts'), fail: fc.boolean() }) },
) as fc.Arbitrary<Step>;

/** A pool with its dispatcher, and what is to hold of it. */
class World {
  readonly clock = new FakeClock();
  readonly workers = new FakeWorkers();
  readonly source = new FakeSource();
  readonly batches: FakeBatch[] = [];
  readonly hosted = new Set<string>();
  readonly pool: Pool;
  readonly spares: number;
  wanted: number;
  /** Models that end whoever loads them. */
  readonly deadly = new Set<string>();

  constructor(slots: number, spares: number) {
    this.wanted = slots;
    this.spares = spares;
    const { clock, workers, source } = this;
    const logger = silentLogger;
    const recorder = { workerLost() {} };
    this.pool = new Pool({ slots, spares, open: workers.open, clock, random: () => 1, logger, recorder });
    new Dispatcher({ pool: this.pool, source, clock, logger });
    workers.onLoad = async (channel, { model: name }) => {
      if (!this.deadly.has(name)) return;
      channel.die(`it loaded ${name}`);
      throw workerLost();
    };
  }

  async take(next: Step): Promise<void> {
    const { pool, workers } = this;
    if (next.kind === 'batch') this.#add(next.model);
    else if (next.kind === 'load') await this.#load(next.model);
    else if (next.kind === 'unload') await this.#unload(next.model);
    else if (next.kind === 'deadly') this.deadly.add(next.model);
    else if (next.kind === 'advance') this.clock.advance(next.ms);
    else if (next.kind === 'resize') {
      this.wanted = next.count;
      void pool.resize(next.count);
    } else if (next.kind === 'starts') {
      workers.onOpen = async () => {
        if (next.fail) throw new GatewayError('UNAVAILABLE', 'no thread', { reason: 'worker_fault' });
      };
    } else this.#happen(next.kind, next.worker);
    await settled();
    this.check();
  }

  /** All that is left is answered, all that went wrong is over: the pool is as it should be. */
  async end(): Promise<void> {
    this.deadly.clear();
    this.workers.onOpen = async () => {};
    for (let i = 0; i < 60; i++) {
      // A version in quarantine comes back by a batch that succeeds; the pause is five minutes at most.
      for (const key of this.pool.quarantined) this.source.add(this.#note(new FakeBatch(key)));
      for (const worker of this.workers.opened)
        while (!worker.dead && worker.runs.some(({ answered }) => !answered)) worker.respond();
      await settled();
      this.clock.advance(20_000);
      await settled();
    }
    this.check();
    const { pool } = this;
    assert.deepEqual([pool.ready, pool.wanted], [this.wanted, this.wanted]);
    assert.equal(pool.slots.length, this.wanted + this.spares);
    assert.deepEqual(pool.quarantined, []);
    for (const slot of pool.slots)
      for (const name of MODELS)
        assert.equal(slot.holds(`${name}/1`), this.hosted.has(name), `${name} in slot ${slot.index}`);
    for (const batch of this.batches) {
      const waits = this.source.queue.includes(batch);
      assert.equal(batch.ends.length, waits ? 0 : 1, 'each batch ends once');
      if (waits) assert.ok(!this.hosted.has(batch.key.slice(0, 1)), 'only what is hosted nowhere waits');
    }
    assert.equal(await pool.close(1000), 0);
    assert.equal(this.clock.pendingTimers, 0);
  }

  /** What holds at all times. */
  check(): void {
    const { pool } = this;
    const live = pool.slots.filter((slot) => slot.live);
    assert.equal(pool.ready, live.length);
    assert.ok(live.length <= Math.max(this.wanted, 1), 'no more in rotation than wanted');
    assert.equal(new Set(pool.slots.map(({ index }) => index)).size, pool.slots.length);
    const staying = pool.slots.filter(({ state }) => state !== 'stopped');
    assert.equal(staying.length, this.wanted + this.spares);
    assert.equal(staying.filter(({ standby }) => standby).length, this.spares);
    for (const batch of this.batches) assert.ok(batch.ends.length <= 1);
    for (const worker of this.workers.opened)
      assert.ok(worker.runs.filter(({ answered }) => !answered).length <= 1, 'one batch a worker');
  }

  #note(batch: FakeBatch): FakeBatch {
    this.batches.push(batch);
    return batch;
  }

  #add(name: string): void {
    this.source.add(this.#note(new FakeBatch(`${name}/1`)));
  }

  async #load(name: string): Promise<void> {
    // One that is hosted is loaded anew, and stays as it was when that fails.
    const loading = this.pool.load(fakeManifest(name)).then(
      () => void this.hosted.add(name),
      (error: GatewayError) => assert.ok(['FAILED_PRECONDITION', 'UNAVAILABLE'].includes(error.code)),
    );
    await this.#within(loading);
  }

  async #unload(name: string): Promise<void> {
    await this.#within(this.pool.unload(`${name}/1`));
    this.hosted.delete(name);
  }

  /** Time goes on until it is done: it waits for workers that come up. */
  async #within(work: Promise<void>): Promise<void> {
    let done = false;
    void work.then(() => {
      done = true;
    });
    for (let i = 0; i < 50 && !done; i++) {
      await settled();
      if (!done) this.clock.advance(5000);
    }
    assert.ok(done, 'it ends, in time');
  }

  #happen(kind: 'die' | 'respond' | 'nonsense', pick: number): void {
    const alive = this.workers.opened.filter(({ dead, closed }) => !dead && !closed);
    const worker = alive[pick % Math.max(1, alive.length)];
    if (worker === undefined) return;
    if (kind === 'die') worker.die();
    else if (worker.runs.some(({ answered }) => !answered)) {
      if (kind === 'respond') worker.respond();
      else worker.answer({ kind: 'fault', started: true, reason: 'nonsense' });
    }
  }
}

test('no sequence of deaths, loads and resizes loses a version, a worker or a batch, or leaves a slot in two states', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.nat(2),
      fc.array(step, { minLength: 10, maxLength: 80 }),
      async (slots, spares, steps) => {
        const world = new World(slots, spares);
        await world.pool.start();
        await world.take({ kind: 'load', model: 'a' });
        for (const next of steps) await world.take(next);
        await world.end();
      },
    ),
    { numRuns: 150 },
  );
});
