import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import {
  type FromWorker,
  Phase,
  STARTED_AT,
  STATUS_BLOCK_BYTES,
  StatusWord,
  type ToWorker,
  type WorkerTask,
} from '../../worker/protocol.js';
import type {
  Channel,
  Occupation,
  OpenChannel,
  RunCommand,
  RunOutcome,
  WorkerExit,
} from '../core/channel.js';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { Manifest } from '../core/manifest.js';
import type { Recorder } from '../core/recorder.js';
import { loadSpec } from './load-spec.js';
import { PendingCalls } from './pending-calls.js';

export interface ThreadChannelOptions {
  readonly clock: Clock;
  readonly recorder: Pick<Recorder, 'dropped'>;
  /** Threads of one run, within the runtime. */
  readonly intraOpThreads: number;
  /** How long a thread may take until it answers. @default 30_000 */
  readonly startTimeoutMs?: number;
  /** How long a thread that is told to close may stay idle without ending, before it is ended. @default 5_000 */
  readonly closeTimeoutMs?: number;
  /** Limit of a thread's JavaScript heap, in MiB; weights and tensors are outside of it. @default Node's own */
  readonly maxHeapMb?: number;
  /** The worker's module. @default worker/main.js of this build */
  readonly workerUrl?: URL;
}

const DEFAULT_WORKER = new URL('../../worker/main.js', import.meta.url);

/** Opens workers that are threads of this process, each in a piscina pool of its own. */
export function threadChannels(options: ThreadChannelOptions): OpenChannel {
  return async () => {
    const channel = new ThreadChannel(options);
    await channel.ready;
    return channel;
  };
}

/**
 * One worker thread: one piscina pool of one thread, and one `run()` for the thread's whole life, whose end is the
 * signal of its death. Work travels over a MessagePort. A thread inside native code is never ended, since that aborts the
 * whole process: only who has won the status block's phase idle -> fenced may end it.
 */
class ThreadChannel implements Channel {
  readonly exited: Promise<WorkerExit>;
  /** Resolves when the worker answers; rejects with UNAVAILABLE when it does not in time or dies first. */
  readonly ready: Promise<void>;
  readonly #options: ThreadChannelOptions;
  readonly #port: MessagePort;
  readonly #status = new Int32Array(new SharedArrayBuffer(STATUS_BLOCK_BYTES));
  readonly #times = new Float64Array(this.#status.buffer);
  readonly #pool: Piscina;
  readonly #calls: PendingCalls;
  #settleReady: { resolve: () => void; reject: (error: GatewayError) => void } | undefined;
  #settleExited: (exit: WorkerExit) => void = () => {};
  #closing = false;
  #gone = false;
  #reason = '';

  constructor(options: ThreadChannelOptions) {
    this.#options = options;
    this.#calls = new PendingCalls(options.recorder);
    this.exited = new Promise((resolve) => {
      this.#settleExited = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', this.#onMessage);
    this.#pool = new Piscina({
      // On demand, so that piscina does not put a thread of its own in a dead one's place: the slot does that.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Never parked in Atomics.wait: the task lives on messages of its port.
      atomics: 'disabled',
      recordTiming: false,
      execArgv: [],
      ...(options.maxHeapMb === undefined
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb } }),
    });
    this.#start(port2);
  }

  #start(port: MessagePort): void {
    const { clock, startTimeoutMs = 30_000, workerUrl = DEFAULT_WORKER } = this.#options;
    const task: WorkerTask = { port, status: this.#status.buffer };
    // piscina reports here what it cannot pin on the task, such as a thread that fails before it takes it.
    this.#pool.on('error', (error: Error) => this.#onDeath(error.message));
    this.#pool.run(task, { filename: workerUrl.href, transferList: [port] }).then(
      () => this.#onDeath('the worker ended'),
      (error: Error) => this.#onDeath(error.message),
    );
    const thread = this.#pool.threads[0] as Worker;
    // Its error comes right before its end, ahead of the task's rejection, and says why.
    thread.once('error', (error: Error) => this.#onDeath(error.message));
    thread.once('exit', (code) => {
      this.#onDeath(`the thread ended with code ${code}`);
      this.#settleExited({ expected: this.#closing, reason: this.#reason });
    });
    const timer = clock.setTimer(() => {
      this.#settleReady?.reject(lost(`the worker did not answer within ${startTimeoutMs} ms`));
      this.#settleReady = undefined;
      this.#fence();
    }, startTimeoutMs);
    // Whoever waits for `ready` hears of a rejection; this only stops the timer.
    this.ready.then(timer.cancel, timer.cancel);
  }

  /** Loads and warms a version. Rejects with FAILED_PRECONDITION (the model's doing) or UNAVAILABLE (the worker died). */
  load(manifest: Manifest): Promise<void> {
    const spec = loadSpec(manifest, this.#options.intraOpThreads);
    return this.#request((id) => ({ kind: 'load', id, spec }));
  }

  unload(key: string): Promise<void> {
    return this.#request((id) => ({ kind: 'unload', id, key }));
  }

  run(command: RunCommand, done: (outcome: RunOutcome) => void): void {
    if (this.#gone || this.#closing) {
      queueMicrotask(() => done({ kind: 'fault', started: false, reason: 'the worker is gone' }));
      return;
    }
    const id = this.#calls.addRun(done);
    const { key, outputs } = command;
    // A tensor's data owns its ArrayBuffer (see RunCommand), so the cast is only about the type's second face.
    const inputs = command.inputs.map((input) => ({
      ...input,
      data: input.data as Uint8Array<ArrayBuffer>,
    }));
    const transfer = new Set(inputs.map((input) => input.data.buffer));
    try {
      this.#port.postMessage({ kind: 'run', id, key, inputs, outputs } satisfies ToWorker, [...transfer]);
    } catch (cause) {
      const error = new GatewayError('INTERNAL', 'a batch could not be handed to its worker', {
        reason: 'internal',
        cause,
      });
      queueMicrotask(() => this.#calls.settleRun(id, { kind: 'rejected', error }));
    }
  }

  get occupation(): Occupation | undefined {
    if (this.#gone || Atomics.load(this.#status, StatusWord.phase) !== Phase.running) return undefined;
    return {
      id: Atomics.load(this.#status, StatusWord.runId),
      startedAt: this.#times[STARTED_AT] as number,
    };
  }

  abandon(reason: string): void {
    if (this.#gone) return;
    this.#drainPort();
    this.#closing = true;
    const runningId = this.occupation?.id;
    Atomics.store(this.#status, StatusWord.givenUp, 1);
    this.#calls.failAll(reason, runningId);
    this.#fence();
  }

  /** Tells the worker to end after what it was given. A thread that hangs idle is ended; one that hangs in a run is not. */
  async close(): Promise<void> {
    if (!this.#closing && !this.#gone) {
      this.#closing = true;
      this.#port.postMessage({ kind: 'close' } satisfies ToWorker);
      const timer = this.#options.clock.setTimer(() => this.#fence(), this.#options.closeTimeoutMs ?? 5_000);
      void this.exited.then(timer.cancel);
    }
    await this.exited;
  }

  #request(make: (id: number) => ToWorker): Promise<void> {
    if (this.#gone) return Promise.reject(lost('the worker is gone', 'no_worker'));
    if (this.#closing) return Promise.reject(lost('the worker is about to end'));
    return new Promise((resolve, reject) => {
      const id = this.#calls.addRequest(resolve, reject);
      this.#port.postMessage(make(id));
    });
  }

  readonly #onMessage = (message: FromWorker): void => {
    if (message.kind === 'ready') {
      this.#settleReady?.resolve();
      this.#settleReady = undefined;
    } else if (message.kind !== 'started') this.#calls.answer(message);
  };

  /** Ends the thread if it is not in native code; else it ends by itself when it comes back, finding itself fenced. */
  #fence(): void {
    const before = Atomics.compareExchange(this.#status, StatusWord.phase, Phase.idle, Phase.fenced);
    if (before === Phase.idle) void this.#pool.destroy();
  }

  /** What it said before it died or was given up counts: a run whose answer is in the port has succeeded. */
  #drainPort(): void {
    for (let rest = receiveMessageOnPort(this.#port); rest; rest = receiveMessageOnPort(this.#port))
      this.#onMessage(rest.message as FromWorker);
  }

  /** Called at each sign of the worker's end; the first one counts. */
  #onDeath(reason: string): void {
    if (this.#gone) return;
    this.#drainPort();
    this.#gone = true;
    this.#reason = reason;
    this.#port.close();
    this.#settleReady?.reject(lost(`the worker ended while it started: ${reason}`));
    this.#settleReady = undefined;
    const running = Atomics.load(this.#status, StatusWord.phase) === Phase.running;
    this.#calls.failAll(reason, running ? Atomics.load(this.#status, StatusWord.runId) : undefined);
    void this.#pool.destroy();
  }
}

function lost(message: string, reason: 'worker_fault' | 'no_worker' = 'worker_fault'): GatewayError {
  return new GatewayError('UNAVAILABLE', message, { reason });
}
