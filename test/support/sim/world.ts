import { Batcher } from '../../../gateway/batching/batcher.js';
import type { BatcherOptions } from '../../../gateway/batching/batcher-options.js';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { InferResult, ParameterValue } from '../../../gateway/core/infer-call.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { versionKey } from '../../../gateway/core/model.js';
import type { Tensor } from '../../../gateway/core/tensor.js';
import { Dispatcher } from '../../../gateway/pool/dispatcher.js';
import { Pool } from '../../../gateway/pool/pool.js';
import { deafRecorder } from '../recorded-run.js';
import { SimClock } from './clock.js';
import type { SimModel } from './models.js';
import type { Possible } from './possible.js';
import { seeded } from './random.js';
import { Tally } from './tally.js';
import { type RunReport, SimWorkers, type Weather } from './workers.js';

export interface WorldOptions {
  readonly models: readonly SimModel[];
  /** @default 2 */
  readonly workers?: number;
  /** @default 1 */
  readonly seed?: number;
  readonly weather?: Omit<Weather, 'random'>;
  /** Handed on to the batcher. */
  readonly batcher?: Partial<BatcherOptions>;
}

/** A request of the simulation. */
export interface SimRequest {
  readonly model: SimModel;
  /** Which tally it counts in. @default the model's name */
  readonly tag?: string;
  /** @default 1 */
  readonly rows?: number;
  /** What every row holds. @default 0 */
  readonly value?: number;
  /** From now; no deadline when absent. */
  readonly deadlineMs?: number;
  readonly caller?: string;
  readonly priority?: bigint;
  /** The request parameter `timeout`. */
  readonly timeoutUs?: bigint;
  readonly cancellation?: Cancellation;
  /** Told of the end, whichever it is; at most one of the two is given. */
  readonly onEnd?: (result: InferResult | undefined, error: GatewayError | undefined) => void;
}

const NO_PARAMETERS: ReadonlyMap<string, ParameterValue> = new Map();

/**
 * The batcher, the pool and the dispatcher that `gateway.ts` builds, put together as there, on simulated time and in front of
 * simulated workers. Nothing is decided here: requests go in, answers come out and are counted.
 */
export class World {
  readonly clock = new SimClock();
  readonly batcher: Batcher;
  readonly pool: Pool;
  readonly workers: SimWorkers;
  readonly random: () => number;
  readonly tallies = new Map<string, Tally>();
  /** What the recorder was told of answers that found nobody. */
  readonly dropped = { late_answer: 0, double_answer: 0 };
  /** Rows of all runs that ended, and the milliseconds that they took by model. */
  runRows = 0;
  readonly computeMs = new Map<string, number>();
  /** Of answers that were in time. */
  goodRows = 0;
  /** Holds on versions that were not given back. */
  held = 0;
  unsettled = 0;
  /** What comes and ends between these, in milliseconds since the beginning, counts. */
  countFromMs = 0;
  countUntilMs = Number.POSITIVE_INFINITY;
  /** Told of all that comes. */
  possible: Possible | undefined;
  readonly #models: readonly SimModel[];
  readonly #dispatcher: Dispatcher;

  constructor(options: WorldOptions) {
    const { clock } = this;
    this.#models = options.models;
    this.random = seeded(options.seed ?? 1);
    const times = new Map(options.models.map((model) => [versionKey(model.manifest), model]));
    const weather = { ...options.weather, random: seeded((options.seed ?? 1) + 7) };
    this.workers = new SimWorkers(clock, weather, times);
    this.workers.onEnd = (report) => this.#ended(report);
    const recorder = {
      ...deafRecorder,
      dropped: (what: 'late_answer' | 'double_answer') => void this.dropped[what]++,
    };
    const random = seeded((options.seed ?? 1) + 13);
    this.pool = new Pool({
      slots: options.workers ?? 2,
      open: this.workers.open,
      clock,
      random,
      logger: silentLogger,
      recorder,
    });
    this.batcher = new Batcher({
      clock,
      recorder,
      maxQueueRows: 1e6,
      maxQueueBytes: 2 ** 40,
      retain: () => {
        this.held++;
        return () => void this.held--;
      },
      workers: () => this.pool.ready,
      freeInMs: (now) => this.pool.freeInMs(now),
      shareOf: () => 1,
      ...options.batcher,
    });
    this.#dispatcher = new Dispatcher({
      pool: this.pool,
      source: this.batcher,
      clock,
      logger: silentLogger,
      soon: clock.soon,
    });
  }

  /** Starts the workers and loads every model. */
  async start(): Promise<this> {
    await this.pool.start();
    for (const { manifest } of this.#models) await this.pool.load(manifest);
    return this;
  }

  submit(request: SimRequest): void {
    const { model, rows = 1, value = 0, deadlineMs = Number.POSITIVE_INFINITY } = request;
    const now = this.clock.now();
    const tally = this.tally(request.tag ?? model.manifest.model);
    const counts = this.#counts();
    if (counts) tally.offered += rows;
    this.possible?.came(this.clock.elapsedMs, rows, counts);
    this.unsettled++;
    const call = {
      model: model.manifest.model,
      version: '',
      id: '',
      inputs: [tensor(rows, value)],
      outputs: [],
      parameters: parametersOf(request),
      deadline: now + deadlineMs,
      cancellation: request.cancellation ?? new Cancellation(),
      arrivedAt: now,
      ...(request.caller === undefined ? {} : { caller: request.caller }),
    };
    this.batcher.submit(call, { manifest: model.manifest, release() {} }).then(
      (result) => {
        this.unsettled--;
        const latencyMs = this.clock.now() - now;
        if (latencyMs >= deadlineMs) tally.afterDeadline += rows;
        else this.goodRows += rows;
        const second = Math.floor(this.clock.elapsedMs / 1000);
        tally.success(rows, latencyMs, counts, this.#counts(), second);
        request.onEnd?.(result, undefined);
      },
      (thrown: unknown) => {
        this.unsettled--;
        const error = GatewayError.from(thrown);
        if (counts) tally.failure(rows, error);
        request.onEnd?.(undefined, error);
      },
    );
  }

  tally(tag: string): Tally {
    let tally = this.tallies.get(tag);
    if (tally === undefined) {
      tally = new Tally();
      this.tallies.set(tag, tally);
    }
    return tally;
  }

  /** Share of the rows run whose answer came too late for its caller, or found nobody. */
  get wasted(): number {
    return this.runRows === 0 ? 0 : 1 - this.goodRows / this.runRows;
  }

  /** Lets all that is left end, for at most `ms`. */
  async windUp(ms = 120_000): Promise<void> {
    for (let passed = 0; passed < ms && this.unsettled > 0; passed += 100) await this.clock.run(100);
    // Runs that nobody waits for, successors of dead workers, and the wheel's last tick.
    await this.clock.run(60_000);
  }

  /** All that must be zero when nothing is left to do. */
  leftovers(): object {
    return {
      ...this.batcher.stats(),
      held: this.held,
      unsettled: this.unsettled,
      waiting: this.#dispatcher.waiting,
      outstanding: this.pool.status().reduce((sum, slot) => sum + slot.outstanding, 0),
      timers: this.clock.pendingTimers,
      doubleAnswers: this.dropped.double_answer,
    };
  }

  #counts(): boolean {
    const { elapsedMs } = this.clock;
    return elapsedMs >= this.countFromMs && elapsedMs < this.countUntilMs;
  }

  #ended({ command, rows, computeMs }: RunReport): void {
    this.runRows += rows;
    this.computeMs.set(command.key, (this.computeMs.get(command.key) ?? 0) + computeMs);
  }
}

function parametersOf({ priority, timeoutUs }: SimRequest): ReadonlyMap<string, ParameterValue> {
  if (priority === undefined && timeoutUs === undefined) return NO_PARAMETERS;
  const parameters = new Map<string, ParameterValue>();
  if (priority !== undefined) parameters.set('priority', priority);
  if (timeoutUs !== undefined) parameters.set('timeout', timeoutUs);
  return parameters;
}

/** By row count, of zeros. */
const ZEROS = new Map<number, Tensor>();

function tensor(rows: number, value: number): Tensor {
  const made = value === 0 ? ZEROS.get(rows) : undefined;
  if (made !== undefined) return made;
  const data = new Uint8Array(new Float32Array(rows).fill(value).buffer);
  const result: Tensor = { name: 'X', datatype: 'FP32', shape: [rows, 1], data };
  if (value === 0) ZEROS.set(rows, result);
  return result;
}
