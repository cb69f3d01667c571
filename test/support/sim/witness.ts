import assert from 'node:assert/strict';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import type { RunCommand } from '../../../gateway/core/channel.js';
import type { GatewayError } from '../../../gateway/core/error.js';
import type { InferResult } from '../../../gateway/core/infer-call.js';
import { versionKey } from '../../../gateway/core/model.js';
import type { Tensor } from '../../../gateway/core/tensor.js';
import type { SimModel } from './models.js';
import type { World } from './world.js';

/** A request that is watched. */
export interface Watched {
  readonly model: SimModel;
  readonly rows: number;
  /** From its submission; undefined for none. */
  readonly deadlineMs: number | undefined;
  /** Its rows make the model refuse the run. */
  readonly poisoned: boolean;
  /** When its caller leaves, from its submission; undefined: it stays. */
  readonly leavesMs: number | undefined;
  readonly caller?: string;
  readonly priority?: bigint;
}

interface Record extends Watched {
  readonly id: number;
  readonly submittedAt: number;
  readonly cancellation: Cancellation;
  ends: number;
  runs: number;
}

/** What may fail a request, by its error's reason, apart from what is checked below. */
export interface Allowed {
  readonly reasons: ReadonlySet<string>;
  /** Runs that may meet a fault: whoever was in one may be given up. */
  readonly faults: boolean;
}

/**
 * Watches from outside what becomes of each request: every value that is run or answered names its request, so that what a
 * worker is sent and what a caller gets can be told. A promise hides a second settlement; sums that do not come to zero do not.
 */
export class Witness {
  readonly #world: World;
  readonly #allowed: Allowed;
  readonly #all: Record[] = [];
  /** The last request that was answered, by model version. */
  readonly #answered = new Map<string, number>();
  #violation: unknown;
  /** Runs now, by model version. */
  readonly #running = new Map<string, number>();

  constructor(world: World, allowed: Allowed) {
    this.#world = world;
    this.#allowed = allowed;
    world.workers.onRun = (command, ahead) => this.#note(() => this.#onRun(command, ahead));
    const onEnd = world.workers.onEnd;
    world.workers.onEnd = (report) => {
      this.#running.set(report.command.key, (this.#running.get(report.command.key) ?? 0) - 1);
      onEnd(report);
    };
  }

  submit(watched: Watched): void {
    const { clock } = this.#world;
    const cancellation = new Cancellation();
    const id = this.#all.length + 1;
    const each: Record = { ...watched, id, submittedAt: clock.now(), cancellation, ends: 0, runs: 0 };
    this.#all.push(each);
    this.#world.submit({
      model: watched.model,
      rows: watched.rows,
      value: watched.poisoned ? -id : id,
      ...(watched.deadlineMs === undefined ? {} : { deadlineMs: watched.deadlineMs }),
      caller: watched.caller ?? '',
      priority: watched.priority ?? 0n,
      cancellation,
      onEnd: (result, error) => this.#note(() => this.#onEnd(each, result, error)),
    });
    const { leavesMs } = watched;
    if (leavesMs !== undefined) clock.setTimer(() => cancellation.cancel(), leavesMs);
  }

  /** To be called when nothing is left to happen. */
  atTheEnd(): void {
    if (this.#violation !== undefined) throw this.#violation;
    for (const each of this.#all) assert.equal(each.ends, 1, `request ${each.id} ends once`);
    for (const [what, left] of Object.entries(this.#world.leftovers())) assert.equal(left, 0, what);
  }

  /** What is thrown on the way would be caught there: the first of it is kept for the end. */
  #note(check: () => void): void {
    try {
      check();
    } catch (violation) {
      this.#violation ??= violation;
    }
  }

  #onRun(command: RunCommand, ahead: number): void {
    assert.ok(ahead <= 1, 'a worker has one run, and at most one behind it');
    const now = this.#world.clock.now();
    const members = new Set(
      valuesOf(command.inputs[0]).map((value) => this.#all[Math.abs(value) - 1] as Record),
    );
    let rows = 0;
    for (const each of members) {
      const { id, model } = each;
      assert.equal(versionKey(model.manifest), command.key, `request ${id} runs on its own model`);
      assert.equal(each.ends, 0, `request ${id} does not run after its end`);
      assert.ok(!each.cancellation.cancelled, `request ${id} does not run after its caller left`);
      assert.ok(deadlineOf(each) > now, `request ${id} does not run after its deadline`);
      assert.ok(++each.runs <= MOST_RUNS, `request ${id} is not run for ever`);
      rows += each.rows;
    }
    const [first] = members;
    if (first === undefined) throw new Error('a run without rows');
    const { signature, configuration } = first.model.manifest;
    assert.equal(command.inputs[0]?.shape[0], rows, 'each request with all its rows, once');
    assert.ok(rows <= signature.maxBatchSize, 'no batch is too large');
    const running = (this.#running.get(command.key) ?? 0) + 1;
    assert.ok(
      running <= (configuration?.instanceCount ?? Number.POSITIVE_INFINITY),
      'not too many at a time',
    );
    this.#running.set(command.key, running);
  }

  /** Where a model wants its answers in the order of its requests. */
  #checkOrder({ id, model }: Record): void {
    if (model.manifest.configuration?.scheduling?.preserveOrdering !== true) return;
    const key = versionKey(model.manifest);
    assert.ok(id > (this.#answered.get(key) ?? 0), `request ${id} is answered in its turn`);
    this.#answered.set(key, id);
  }

  #onEnd(each: Record, result: InferResult | undefined, error: GatewayError | undefined): void {
    each.ends++;
    const now = this.#world.clock.now();
    const { id, rows, poisoned, cancellation } = each;
    if (result !== undefined) {
      assert.ok(!poisoned, `request ${id} is guilty`);
      assert.ok(now < deadlineOf(each), `request ${id} is not answered after its deadline`);
      assert.deepEqual(valuesOf(result.outputs[0]), Array(rows).fill(id), 'its own answer');
      this.#checkOrder(each);
      return;
    }
    const reason = error?.details.reason ?? '';
    if (reason === 'cancelled') assert.ok(cancellation.cancelled, `request ${id} was cancelled`);
    else if (reason === 'deadline_passed')
      assert.ok(now >= deadlineOf(each), `request ${id} fails before its deadline`);
    else if (reason === 'bad_request') assert.ok(poisoned, `request ${id} is not guilty`);
    else if (reason === 'worker_fault' || reason === 'poison')
      assert.ok(this.#allowed.faults, 'no worker failed');
    else {
      assert.ok(this.#allowed.reasons.has(reason), `request ${id} failed: ${error?.message} (${reason})`);
      assert.ok(
        each.deadlineMs !== undefined,
        `request ${id} has all the time there is, but failed: ${error?.message}`,
      );
    }
  }
}

/** A batch of 16 is halved five times at most until its entries are alone, and each part may meet faults. */
const MOST_RUNS = 16;

function deadlineOf(each: Record): number {
  return each.submittedAt + (each.deadlineMs ?? Number.POSITIVE_INFINITY);
}

function valuesOf(tensor: Tensor | undefined): number[] {
  if (tensor === undefined) throw new Error('no such tensor');
  return [...new Float32Array(new Uint8Array(tensor.data).buffer)];
}

/** Whether a run has a row that the model refuses. */
export function isPoisoned(command: RunCommand): boolean {
  return valuesOf(command.inputs[0]).some((value) => value < 0);
}
