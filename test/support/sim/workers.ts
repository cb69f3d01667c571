import type {
  Channel,
  OpenChannel,
  RunCommand,
  RunOutcome,
  WorkerExit,
} from '../../../gateway/core/channel.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { Manifest } from '../../../gateway/core/manifest.js';
import { versionKey } from '../../../gateway/core/model.js';
import type { SimClock } from './clock.js';

/** How long a run takes: l(b) = fixedMs + perRowMs * b. */
export interface RunTime {
  readonly fixedMs: number;
  readonly perRowMs: number;
}

/** What the simulated machine does besides its work. */
export interface Weather {
  /** In [0, 1): the source of the noise. */
  readonly random: () => number;
  /** A run takes up to this share longer or shorter. @default 0 */
  readonly noise?: number;
  /** Factor on every run that begins `atMs` after the beginning. @default 1 */
  readonly slowdown?: (atMs: number) => number;
  /** The worker dies half-way through this run. @default never */
  readonly dies?: (command: RunCommand) => boolean;
  /** The model refuses this run. @default never */
  readonly refuses?: (command: RunCommand) => boolean;
}

/** What a run was, when it has ended. */
export interface RunReport {
  readonly command: RunCommand;
  readonly rows: number;
  readonly computeMs: number;
  readonly outcome: RunOutcome['kind'];
}

/** The worker threads of the simulation: they hold what was loaded, and run what they are sent, one run after the other. */
export class SimWorkers {
  readonly #clock: SimClock;
  readonly #weather: Weather;
  readonly #times: ReadonlyMap<string, RunTime>;
  /** A run was sent; `ahead` runs were sent to the same worker before it and have not ended. */
  onRun: (command: RunCommand, ahead: number) => void = () => {};
  onEnd: (report: RunReport) => void = () => {};

  constructor(clock: SimClock, weather: Weather, times: ReadonlyMap<string, RunTime>) {
    this.#clock = clock;
    this.#weather = weather;
    this.#times = times;
  }

  readonly open: OpenChannel = async () =>
    new SimChannel(this.#clock, this.#weather, (command) => this.#measure(command), this);

  /** Without noise. */
  #measure(command: RunCommand): number {
    const time = this.#times.get(command.key);
    if (time === undefined) throw new Error(`no run time was given for ${command.key}`);
    return time.fixedMs + time.perRowMs * rowsOf(command);
  }
}

interface OpenRun {
  readonly command: RunCommand;
  readonly done: (outcome: RunOutcome) => void;
  readonly startsAt: number;
}

class SimChannel implements Channel {
  /** Nothing hangs here. */
  readonly occupation = undefined;
  readonly exited: Promise<WorkerExit>;
  readonly #clock: SimClock;
  readonly #weather: Weather;
  readonly #measure: (command: RunCommand) => number;
  readonly #told: Pick<SimWorkers, 'onRun' | 'onEnd'>;
  readonly #loaded = new Set<string>();
  readonly #open = new Set<OpenRun>();
  #exit: (exit: WorkerExit) => void = () => {};
  /** When all that it was sent will have run. */
  #busyUntil = 0;
  #closing = false;
  #dead = false;

  constructor(
    clock: SimClock,
    weather: Weather,
    measure: (command: RunCommand) => number,
    told: Pick<SimWorkers, 'onRun' | 'onEnd'>,
  ) {
    this.#clock = clock;
    this.#weather = weather;
    this.#measure = measure;
    this.#told = told;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
  }

  async load(manifest: Manifest): Promise<void> {
    if (this.#dead) throw new GatewayError('UNAVAILABLE', 'the worker is gone', { reason: 'worker_fault' });
    this.#loaded.add(versionKey(manifest));
  }

  async unload(key: string): Promise<void> {
    this.#loaded.delete(key);
  }

  run(command: RunCommand, done: (outcome: RunOutcome) => void): void {
    if (this.#dead) {
      queueMicrotask(() => done({ kind: 'fault', started: false, reason: 'killed' }));
      return;
    }
    if (!this.#loaded.has(command.key))
      throw new Error(`a worker was sent ${command.key}, which it does not hold`);
    this.#told.onRun(command, this.#open.size);
    const now = this.#clock.now();
    const startsAt = Math.max(now, this.#busyUntil);
    const { noise = 0, slowdown, random, dies, refuses } = this.#weather;
    const factor = slowdown?.(this.#clock.elapsedMs + startsAt - now) ?? 1;
    const ms = this.#measure(command) * factor * (1 + noise * (2 * random() - 1));
    const run: OpenRun = { command, done, startsAt };
    this.#open.add(run);
    this.#busyUntil = startsAt + ms;
    if (dies?.(command)) this.#clock.setTimer(() => this.#die(), startsAt + ms / 2 - now);
    else if (refuses?.(command)) this.#clock.setTimer(() => this.#end(run, refusal()), startsAt + ms - now);
    else this.#clock.setTimer(() => this.#end(run, answer(run, this.#clock.now())), startsAt + ms - now);
  }

  abandon(): void {
    this.#die();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#leave();
    await this.exited;
  }

  #end(run: OpenRun, outcome: RunOutcome): void {
    // It died meanwhile.
    if (!this.#open.delete(run)) return;
    const computeMs = this.#clock.now() - run.startsAt;
    this.#told.onEnd({ command: run.command, rows: rowsOf(run.command), computeMs, outcome: outcome.kind });
    run.done(outcome);
    this.#leave();
  }

  #leave(): void {
    if (!this.#closing || this.#open.size > 0 || this.#dead) return;
    this.#dead = true;
    this.#exit({ expected: true, reason: 'closed' });
  }

  #die(): void {
    if (this.#dead) return;
    this.#dead = true;
    const now = this.#clock.now();
    for (const run of [...this.#open])
      this.#end(run, { kind: 'fault', started: run.startsAt <= now, reason: 'killed' });
    this.#exit({ expected: false, reason: 'killed' });
  }
}

/** Each wanted output is the first input. */
function answer({ command, startsAt }: OpenRun, endedAt: number): RunOutcome {
  const [input] = command.inputs;
  if (input === undefined) throw new Error(`a run of ${command.key} has no input`);
  const outputs = command.outputs.map((name) => ({ ...input, name }));
  return { kind: 'success', outputs, startedAt: startsAt, endedAt };
}

function refusal(): RunOutcome {
  const error = new GatewayError('INVALID_ARGUMENT', 'bad row', { reason: 'bad_request' });
  return { kind: 'rejected', error };
}

function rowsOf(command: RunCommand): number {
  return command.inputs[0]?.shape[0] ?? 0;
}
