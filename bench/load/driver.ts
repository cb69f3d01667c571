import { monotonicMs } from '../clock.js';
import type { LatencyData, LoadPlan, Progress } from '../contract.js';
import { Call } from '../http2/call.js';
import type { Connection } from '../http2/connection.js';
import { STATUS } from '../http2/grpc-status.js';
import { Pool, type PoolEvents } from '../http2/pool.js';
import { RequestTemplate } from '../http2/request.js';
import { LatencyCounts } from '../latency-counts.js';
import { Recorder, type RecorderPart } from '../recorder.js';
import { Verifier } from '../verify.js';
import { Alarm } from './alarm.js';
import { shareOf } from './arrivals.js';
import { Backlog } from './backlog.js';
import { CpuMeter } from './cpu-meter.js';
import { mixChooser } from './mix.js';
import { Pacer } from './pacer.js';
import { type PlannedStarts, plannedStarts } from './planned-starts.js';

/** What one generator process found. */
export interface PartResult extends RecorderPart {
  /** Length of the measurement as it was. */
  readonly durationMs: number;
  /** CPU time / wall time while calls were started; waiting for the next start by asking for the time is not counted. */
  readonly busy: number;
}

/** What one generator process says while it runs, since it last said something. */
export interface PartProgress {
  readonly phase: Progress['phase'];
  readonly elapsedMs: number;
  readonly counts: Progress['counts'];
  /** OK answers. */
  readonly latency: LatencyData;
  readonly intervalMs: number;
}

/** A call that servers which are going away hand back more often than this has met a broken one. */
const MAX_HAND_BACKS = 3;
const EXPIRE_EVERY_MS = 20;

/** Runs one process's part of a plan: starts calls, sees them through, and counts. Used once. */
export class Driver implements PoolEvents {
  readonly #plan: LoadPlan;
  readonly #index: number;
  readonly #pool: Pool;
  readonly #requests: readonly RequestTemplate[];
  readonly #verifiers: readonly (Verifier | undefined)[];
  readonly #choose: ReturnType<typeof mixChooser>;
  readonly #backlog = new Backlog();
  readonly #handedBack: Call[] = [];
  readonly #spare: Call[] = [];
  readonly #live = new LatencyCounts();
  readonly #cpu = new CpuMeter();
  readonly #closedLoop: boolean;
  /** Of each template; Infinity where there is none. */
  readonly #deadlinesMs: readonly number[];
  #recorder: Recorder;
  /** In an open loop, from `connect` on. */
  #alarm: Alarm | undefined;
  #pacer: Pacer | undefined;
  #timers: NodeJS.Timeout[] = [];
  #phase: Progress['phase'] = 'warmup';
  #fromMs = Number.POSITIVE_INFINITY;
  #untilMs = Number.POSITIVE_INFINITY;
  #leftCalls = Number.POSITIVE_INFINITY;
  #endedEarlyMs: number | undefined;
  #lastLiveMs = 0;
  #finish: ((result: PartResult) => void) | undefined;

  constructor(plan: LoadPlan, index: number) {
    const { target, templates, metadata } = plan;
    this.#plan = plan;
    this.#index = index;
    this.#closedLoop = plan.arrivals.kind === 'closed';
    this.#pool = new Pool({
      ...target,
      connections: plan.connections,
      streams: plan.streamsPerConnection,
      events: this,
    });
    const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
    this.#deadlinesMs = templates.map((one) => one.deadlineMs ?? plan.deadlineMs ?? Number.POSITIVE_INFINITY);
    this.#requests = templates.map(({ path, bodies }, i) => {
      const timed = this.#deadlinesMs[i] !== Number.POSITIVE_INFINITY;
      return new RequestTemplate({ authority, path, metadata, timed, bodies });
    });
    this.#verifiers = templates.map(({ expect }) => expect && new Verifier(expect));
    this.#choose = mixChooser({
      templates: templates.map(({ weight, bodies }) => ({ weight, bodies: bodies.length })),
      seed: plan.seed,
      stream: index,
    });
    this.#recorder = this.#newRecorder();
  }

  /** @throws Error when the target cannot be reached. */
  async connect(): Promise<void> {
    await this.#pool.connect();
    if (!this.#closedLoop) this.#alarm = await Alarm.start();
  }

  /** Runs warm-up and measurement from an instant that all processes share. */
  run(startMs: number): Promise<PartResult> {
    this.#fromMs = startMs + this.#plan.warmupMs;
    this.#untilMs = this.#fromMs + this.#plan.durationMs;
    this.#recorder = this.#newRecorder();
    this.#lastLiveMs = startMs;
    if (this.#plan.maxCalls !== undefined) this.#leftCalls = shareOf(this.#plan.maxCalls, this.#part);
    this.#at(startMs, () => this.#start(startMs));
    this.#at(this.#fromMs, () => {
      this.#phase = 'measure';
      this.#cpu.begin(this.#pacer?.idleMs ?? 0);
      // Nothing to measure here: other processes have all of the few calls.
      if (this.#closedLoop && this.#leftCalls <= 0) this.#stopStarting();
    });
    if (this.#deadlinesMs.some((ms) => ms !== Number.POSITIVE_INFINITY))
      this.#timers.push(setInterval(() => this.#expire(), EXPIRE_EVERY_MS));
    return new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** What has happened since the last time this was asked. */
  progress(): PartProgress {
    const now = monotonicMs();
    const latency = this.#live.toData();
    this.#live.clear();
    const intervalMs = now - this.#lastLiveMs;
    this.#lastLiveMs = now;
    const begin = this.#phase === 'warmup' ? this.#fromMs - this.#plan.warmupMs : this.#fromMs;
    return {
      phase: this.#phase,
      elapsedMs: Math.max(0, now - begin),
      counts: this.#recorder.totals(),
      latency,
      intervalMs,
    };
  }

  /** Ends everything, whatever is open. Idempotent. */
  close(): void {
    this.#finish = undefined;
    this.#pacer?.stop();
    void this.#alarm?.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#pool.close();
  }

  get #part(): { index: number; processes: number } {
    return { index: this.#index, processes: this.#plan.processes };
  }

  #newRecorder(): Recorder {
    const { templates, durationMs } = this.#plan;
    return new Recorder({ templates, fromMs: this.#fromMs, durationMs });
  }

  /** Not before the instant: timers are early, too, by fractions of a millisecond, and calls begun then would be warm-up. */
  #at(instantMs: number, fn: () => void): void {
    const leftMs = Math.max(0, Math.ceil(instantMs - monotonicMs()));
    this.#timers.push(setTimeout(() => (monotonicMs() < instantMs ? this.#at(instantMs, fn) : fn()), leftMs));
  }

  #start(startMs: number): void {
    const { arrivals } = this.#plan;
    if (arrivals.kind === 'closed') {
      this.#at(this.#untilMs, () => this.#stopStarting());
      const share = shareOf(arrivals.concurrency, this.#part);
      for (let i = 0; i < share; i++) this.#startNext();
      this.#pool.flush();
    } else {
      const starts = plannedStarts(this.#plan, this.#part, { startMs, fromMs: this.#fromMs });
      this.#pacer = this.#newPacer(starts, this.#alarm as Alarm);
      this.#pacer.start();
    }
  }

  #newPacer(starts: PlannedStarts, clock: Alarm): Pacer {
    return new Pacer({
      next: starts.next,
      onDue: (intendedMs) => {
        this.#recorder.late(intendedMs, monotonicMs());
        this.#offer(intendedMs);
      },
      onStepDone: () => this.#pool.flush(),
      onEnd: () => {
        this.#endedEarlyMs = starts.endedEarlyMs();
        this.#stopStarting();
      },
      activity: () => this.#pool.reads,
      clock,
      tickMs: this.#plan.tickMs,
    });
  }

  /** Closed loop: a call ends, or could never begin, and the next is meant to start now. */
  #startNext(preferred?: Connection): void {
    const now = monotonicMs();
    if (this.#phase === 'drain' || now >= this.#untilMs) return;
    if (now >= this.#fromMs && --this.#leftCalls < 0) return;
    this.#offer(now, preferred);
    if (this.#leftCalls === 0 && now >= this.#fromMs) this.#stopStarting();
  }

  /** A call is meant to start: opens it, or lets it wait behind those that wait already. */
  #offer(intendedMs: number, preferred?: Connection): void {
    const { template, body } = this.#choose();
    this.#recorder.offered(template, intendedMs);
    const waits = this.#backlog.length > 0 || this.#handedBack.length > 0;
    const connection = waits ? undefined : this.#pool.pick(preferred);
    if (connection === undefined) this.#backlog.push(intendedMs, template, body);
    else this.#open(this.#newCall(intendedMs, template, body), connection);
  }

  #newCall(intendedMs: number, template: number, body: number): Call {
    const call = this.#spare.pop() ?? new Call();
    call.request = this.#requests[template] as RequestTemplate;
    call.templateIndex = template;
    call.bodyIndex = body;
    call.intendedMs = intendedMs;
    call.deadlineAtMs = intendedMs + (this.#deadlinesMs[template] as number);
    call.handedBack = 0;
    call.wrong = undefined;
    call.wantsMessage = this.#verifiers[template] !== undefined;
    return call;
  }

  #open(call: Call, connection: Connection): void {
    const leftMs = call.deadlineAtMs === Number.POSITIVE_INFINITY ? 0 : call.deadlineAtMs - monotonicMs();
    if (leftMs < 0) this.#end(call, STATUS.deadlineExceeded, 'waited for a stream until the deadline');
    else this.#pool.open(call, connection, leftMs);
  }

  /** Opens what waits, as far as there is room. */
  onRoom(preferred?: Connection): void {
    while (this.#handedBack.length > 0) {
      const connection = this.#pool.pick(preferred);
      if (connection === undefined) return;
      this.#open(this.#handedBack.shift() as Call, connection);
    }
    while (this.#backlog.length > 0) {
      const connection = this.#pool.pick(preferred);
      if (connection === undefined) break;
      const { intendedMs, template, body } = this.#backlog.shift();
      this.#open(this.#newCall(intendedMs, template, body), connection);
    }
  }

  onMessage(call: Call, message: Buffer): void {
    call.wrong = this.#verifiers[call.templateIndex]?.check(call.bodyIndex, message);
  }

  onEnd(call: Call, connection: Connection): void {
    this.#ended(call, connection);
    if (this.#backlog.length > 0 || this.#handedBack.length > 0) this.onRoom(connection);
  }

  onHandedBack(call: Call): void {
    if (++call.handedBack > MAX_HAND_BACKS)
      this.#end(
        call,
        STATUS.connection,
        `${MAX_HAND_BACKS} servers went away before they looked at the call`,
      );
    else {
      this.#handedBack.push(call);
      this.onRoom();
      this.#pool.flush();
    }
  }

  onUnreachable(reason: string): void {
    // As many as wait now: in a closed loop each one that fails brings another.
    for (const call of this.#handedBack.splice(0)) this.#end(call, STATUS.connection, reason);
    for (let left = this.#backlog.length; left > 0; left--) this.#endFirstWaiting(STATUS.connection, reason);
  }

  /** Where deadlines differ, one that passes behind a later one is told when its turn comes: late it is all the same. */
  #expire(): void {
    const now = monotonicMs();
    for (let left = this.#backlog.length; left > 0 && this.#firstEndsMs < now; left--)
      this.#endFirstWaiting(STATUS.deadlineExceeded, 'waited for a stream until the deadline');
    this.#pool.flush();
  }

  get #firstEndsMs(): number {
    return this.#backlog.firstMs + (this.#deadlinesMs[this.#backlog.firstTemplate] as number);
  }

  #endFirstWaiting(status: number, message: string): void {
    const { intendedMs, template, body } = this.#backlog.shift();
    this.#end(this.#newCall(intendedMs, template, body), status, message);
  }

  /** Ends a call that is not open. */
  #end(call: Call, status: number, message: string): void {
    call.status = status;
    call.statusMessage = message;
    this.#ended(call);
  }

  #ended(call: Call, connection?: Connection): void {
    const now = monotonicMs();
    const outcome = this.#recorder.ended(call, now);
    if (outcome === 'ok') this.#live.record(now - call.intendedMs);
    this.#spare.push(call);
    // When the first call too many would have been started.
    if (this.#closedLoop && this.#leftCalls <= 0) this.#endedEarlyMs ??= now;
    if (this.#phase !== 'drain') {
      if (this.#closedLoop) this.#startNext(connection);
    } else if (this.#recorder.open === 0) this.#done();
  }

  /** No more calls: waits for the answers that are still to come. */
  #stopStarting(): void {
    if (this.#phase === 'drain') return;
    this.#phase = 'drain';
    this.#cpu.end(this.#pacer?.idleMs ?? 0);
    if (this.#recorder.open === 0) this.#done();
    else this.#timers.push(setTimeout(() => this.#done(), this.#plan.drainMs));
  }

  #done(): void {
    const finish = this.#finish;
    if (finish === undefined) return;
    const result = { ...this.#recorder.toPart(), busy: this.#cpu.busy, durationMs: this.#measuredMs() };
    this.close();
    finish(result);
  }

  #measuredMs(): number {
    const { durationMs, warmupMs } = this.#plan;
    // Without a warm-up the calls begin on an idle server: they take until the last of them has ended. After one there are
    // always others before them, and as many behind them when the first call too many would start.
    const early =
      this.#closedLoop && this.#leftCalls <= 0 && warmupMs === 0
        ? this.#recorder.lastEndMs
        : this.#endedEarlyMs;
    if (early === undefined) return durationMs;
    return Math.max(
      0.001,
      this.#closedLoop ? early - this.#fromMs : Math.min(durationMs, early - this.#fromMs),
    );
  }
}
