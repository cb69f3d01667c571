import { CacheDirectory } from './cache-directory.js';
import { configFrom, type Settings } from './config/from-settings.js';
import { detectMachine, type Machine, systemFacts } from './config/machine.js';
import { disableRuntimeTelemetry } from './config/privacy.js';
import { ConfigError } from './config/problem.js';
import type { Config } from './config/schema.js';
import { planWorkers, type WorkerPlan } from './config/workers.js';
import { Cancellation } from './core/cancellation.js';
import type { ModelCatalog } from './core/catalog.js';
import type { OpenChannel } from './core/channel.js';
import { type Clock, systemClock } from './core/clock.js';
import { GatewayError } from './core/error.js';
import type { Infer } from './core/infer-call.js';
import type { LogSwitches } from './core/log-switches.js';
import { type Logger, silentLogger } from './core/logger.js';
import { versionOfKey } from './core/model.js';
import type { Recorder } from './core/recorder.js';
import { Crews } from './crews.js';
import { Exports } from './exports.js';
import { Fronts, type Ports } from './fronts.js';
import { buildLabels, labelsPersist } from './labels.js';
import { buildPreparer, heldBytes, memoryAccount, memorySamples } from './limits.js';
import type { Preparer } from './pool/preparer.js';
import { Repositories, type WatchTimes } from './repositories.js';
import { isUnchanged } from './repository/is-unchanged.js';
import { Control } from './repository/labels/control.js';
import type { LabelKeeper } from './repository/labels/label-keeper.js';
import { discard, preparedDirectory } from './repository/prepared-directory.js';
import { type Readiness, type ServerPhase, serverReadiness } from './repository/readiness.js';
import { Registry } from './repository/registry.js';
import { compatMetrics, gatherScrapes, type ReadServer, serverReaders } from './server-readers.js';
import { Admission } from './serving/admit.js';
import { classify } from './serving/classify.js';
import { InputQuarantine } from './serving/input-quarantine.js';
import { Observer } from './serving/observe.js';
import { Quotas } from './serving/quota.js';
import { resolve } from './serving/resolve.js';
import { secretInputs } from './serving/secret-inputs.js';
import { sharesOf } from './serving/shares.js';
import { splitLarge } from './serving/split-large.js';
import { validate } from './serving/validate.js';
import { CallJournal } from './telemetry/calls/call-journal.js';
import { type EventLoopMonitor, monitorEventLoop } from './telemetry/event-loop.js';
import { Metrics } from './telemetry/metrics.js';
import { Statistics } from './telemetry/statistics.js';

/** What a program that embeds the gateway may bring along. */
export interface GatewayDependencies {
  /** @default no logs */
  readonly logger?: Logger;
  /** What LogSettings tells and changes. @default logs cannot be asked about by a call */
  readonly logSwitches?: LogSwitches;
  /** Log lines given up, for the metric. @default 0 */
  readonly logLinesDropped?: () => number;
  /** @default the machine's */
  readonly clock?: Clock;
  /** @default found out from affinity and cgroups */
  readonly machine?: Machine;
  /** How workers are started, for tests that plant faults. @default threads that run worker/main */
  readonly openChannel?: OpenChannel;
  /** How often the repositories are looked at, for tests that will not wait: see RepositoryWatchOptions. @default the settings' */
  readonly watch?: WatchTimes;
}

/** What a stop came to. */
export interface StopReport {
  /** Calls that were cut because they did not end in time. */
  readonly callsCut: number;
  /** Workers wedged inside a run: only the end of the process ends them, and `process.exit` would hang or abort. */
  readonly workersLeft: number;
}

/**
 * A whole server, in this process: builds, starts, drains, closes. It installs no signal handler, never exits the
 * process and keeps no global state, so that several may live side by side.
 */
export interface Gateway {
  readonly config: Config;
  readonly machine: Machine;
  readonly plan: WorkerPlan;
  /** Infers in process, through the same layers as a request from the network. */
  readonly infer: Infer;
  readonly catalog: ModelCatalog;
  /** Holds the batches back, for tests that want exact ones; a deployed server has no use for it. */
  readonly batcher: Pick<Crews, 'hold' | 'release' | 'stats'>;
  readonly pool: Pick<Crews, 'status'>;
  /**
   * Changes the number of workers while they serve: of those that models share, or of the model's own. Resolves when the new ones are
   * in rotation or those that are too many have ended. Rejects with INVALID_ARGUMENT for fewer than 1, or a model that has none of its own.
   */
  resize(workers: number, model?: string): Promise<void>;
  /**
   * Scans the repositories, listens, and starts the workers; models go on loading (`settled`). Rejects with a ConfigError
   * when there is nothing to serve, or a GatewayError that names the address that cannot be had; it is closed then.
   */
  start(): Promise<Ports>;
  /** Resolves when every model found is available or has failed. */
  settled(): Promise<void>;
  readiness(): Readiness;
  readonly phase: ServerPhase;
  /** Resolves when every worker is wedged in a run that does not end: nothing will be served until the process is restarted. */
  readonly lost: Promise<void>;
  /**
   * Says NOT_SERVING, serves on for `server.drainDelayMs`, lets calls in flight end and closes everything, all within
   * `server.exitTimeoutSecs`. Idempotent.
   */
  stop(): Promise<StopReport>;
}

/**
 * Builds a gateway from settings (docs/CONFIG.md; whatever is absent has its default). Throws a ConfigError that lists
 * every fault. Nothing is opened or started before `start`.
 */
export function createGateway(settings: Settings = {}, dependencies: GatewayDependencies = {}): Gateway {
  return new Server(configFrom(settings), dependencies);
}

/** Part of the exit time that is kept for ending the workers. */
const WORKER_EXIT_MS = 2000;

class Server implements Gateway {
  readonly config: Config;
  readonly machine: Machine;
  readonly plan: WorkerPlan;
  readonly infer: Infer;
  readonly lost: Promise<void>;
  readonly catalog: Registry;
  readonly batcher: Crews;
  readonly pool: Crews;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #dependencies: GatewayDependencies;
  readonly #metrics: Metrics;
  /** The Recorder of the request path; what it is told goes on to the metrics. */
  readonly #statistics: Statistics;
  readonly #calls: CallJournal;
  readonly #admission: Admission;
  readonly #crews: Crews;
  readonly #preparer: Preparer;
  readonly #labels: LabelKeeper;
  readonly #fronts: Fronts;
  readonly #exports: Exports;
  readonly #repositories: Repositories;
  #eventLoop: EventLoopMonitor | undefined;
  readonly #cache: CacheDirectory;
  #phase: ServerPhase = 'starting';
  #settledOnce = false;
  #started: Promise<Ports> | undefined;
  #stopped: Promise<StopReport> | undefined;

  constructor(config: Config, dependencies: GatewayDependencies) {
    const { clock = systemClock, logger = silentLogger } = dependencies;
    this.config = config;
    this.machine = dependencies.machine ?? detectMachine(systemFacts());
    this.plan = planWorkers(config.workers, this.machine);
    this.#clock = clock;
    this.#logger = logger;
    this.#dependencies = dependencies;
    let read: ReadServer | undefined;
    const server = (): ReadServer => {
      read ??= this.#readServer();
      return read;
    };
    const more = compatMetrics(config.metrics.compat, server);
    this.#metrics = new Metrics({ readers: serverReaders(server), more, gather: gatherScrapes(clock) });
    this.#statistics = new Statistics(config.metrics.enabled ? this.#metrics : undefined);
    this.#crews = this.batcher = this.pool = this.#buildCrews(this.#statistics);
    this.#crews.onReadyChange(() => this.#capacityChanged());
    this.lost = new Promise((resolve) => {
      this.#crews.onLost = (model) => {
        const workers = this.#crews.status();
        this.#logger.error({ model, workers }, 'every worker is wedged inside a run: only a restart helps');
        if (model === '') resolve();
      };
    });
    this.#cache = new CacheDirectory({ parent: config.cacheDir, clock, logger });
    this.#preparer = buildPreparer(config, this.machine, clock, logger);
    this.#labels = buildLabels(config, clock, logger);
    this.catalog = this.#buildRegistry();
    this.#repositories = new Repositories({
      ...{ config, clock, logger, watch: dependencies.watch, registry: this.catalog },
      ...{ labels: this.#labels, cacheDir: () => this.#cache.path },
      onModel: (name) => this.#metrics.declareModel(name),
    });
    this.#labels.onChange = () => this.catalog.relabel();
    this.#admission = new Admission({ maxCallsInFlight: config.queue.maxCallsInFlight });
    this.#calls = new CallJournal({ clock, logger, ...config.log });
    this.infer = this.#buildInfer();
    this.#exports = new Exports(config, clock, logger, this.#metrics);
    this.#fronts = new Fronts({
      config,
      infer: this.infer,
      catalog: this.catalog,
      live: () => this.#phase !== 'stopped' && !this.#crews.lost,
      readiness: () => this.readiness(),
      ...{ clock, logger, metrics: this.#metrics, calls: this.#calls },
      ...{ statistics: this.#statistics, heldBytes: (of) => heldBytes(of, this.#crews) },
      scheduler: () => this.#crews.report(),
      ...{ tracing: this.#exports.tracing.control, tracer: this.#exports.tracing.tracer },
      ...{ models: this.#repositories.control, modelLists: this.#repositories.lists.control },
      control: new Control(this.#labels, this.catalog, labelsPersist(config)),
      resize: (workers, model) => this.resize(workers, model),
      logSwitches: dependencies.logSwitches,
    });
  }

  start(): Promise<Ports> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<Ports> {
    disableRuntimeTelemetry();
    try {
      await this.#labels.start();
      const found = await this.#repositories.scan();
      await this.#cache.open();
      this.#eventLoop = monitorEventLoop(this.#clock);
      this.#exports.start();
      const ports = await this.#fronts.listen();
      // Before the workers are up, which takes a while: a client that is early hears that its model is loading, not that
      // there is none. Preparing begins meanwhile, too.
      this.#repositories.serve(found);
      await this.#crews.start();
      if (this.#phase !== 'starting') return ports;
      this.#phase = 'serving';
      this.#repositories.watch();
      void this.catalog.settled().then(() => {
        this.#settledOnce = true;
        this.#fronts.readinessChanged();
      });
      return ports;
    } catch (thrown) {
      this.#stopped ??= this.#stop();
      await this.#stopped;
      throw thrown;
    }
  }

  get phase(): ServerPhase {
    return this.#phase;
  }

  settled(): Promise<void> {
    return this.catalog.settled();
  }

  readiness(): Readiness {
    return serverReadiness({
      phase: this.#phase,
      settledOnce: this.#settledOnce,
      required: this.config.requiredModels,
      strict: this.config.strictReadiness,
      versions: this.catalog.list(),
      served: (model) => this.catalog.ready(model, ''),
      workers: this.#crews.ready,
    });
  }

  stop(): Promise<StopReport> {
    // What is half started is let come up first: to end it is then the same as ever.
    const started = this.#started?.catch(() => {});
    this.#stopped ??= Promise.resolve(started).then(() => this.#stop());
    return this.#stopped;
  }

  resize(workers: number, model?: string): Promise<void> {
    return this.#crews.resize(workers, model);
  }

  #buildCrews(recorder: Recorder): Crews {
    const { config, plan } = this;
    return new Crews({
      ...{ config, plan, clock: this.#clock, logger: this.#logger, recorder },
      openChannel: this.#dependencies.openChannel,
      retain: (manifest) => this.catalog.retain(manifest),
      shareOf: sharesOf(config.callers.named),
    });
  }

  /** Fewer workers than planned is what an operator wants to see; at start and at the end it is a matter of course. */
  #capacityChanged(): void {
    const { ready, wanted } = this.#crews;
    const lost = this.#phase === 'serving' && ready < wanted;
    this.#logger[lost ? 'warn' : 'debug']({ ready, workers: wanted }, 'workers in rotation');
    // All of them or none: the server is not ready while nothing can run.
    this.#fronts?.readinessChanged();
  }

  /** The layers of the request path, outermost first. */
  #buildInfer(): Infer {
    const quarantine = new InputQuarantine({ clock: this.#clock });
    const observer = new Observer({
      ...{ clock: this.#clock, recorder: this.#statistics, logger: this.#logger, notes: this.#calls },
      ...{ slowMs: this.config.trace.slowMs, secret: secretInputs(this.config.log.redactInputs) },
      known: (model) => this.catalog.known(model),
      failed: quarantine.learn,
    });
    const quotas = new Quotas({ ...this.config.callers, clock: this.#clock });
    const admitted = quotas.limit(quarantine.guard(this.#admission.admit(this.#crews.submit)));
    // Of a call that is split it is the piece that the quarantine learns.
    const leased = splitLarge(observer.leased(validate(classify(admitted))));
    return observer.observe(resolve(this.catalog, leased));
  }

  #buildRegistry(): Registry {
    const { config } = this;
    const crews = this.#crews;
    return new Registry({
      prepare: this.#preparer.prepare,
      memory: memoryAccount(config, this.machine, crews),
      host: {
        load: (manifest) => crews.load(manifest),
        unload: async (key) => {
          await crews.unload(key);
          const gone = versionOfKey(key);
          crews.forget(gone);
          // A copy that was replaced leaves the counts to its successor.
          if (!this.catalog.available(gone.model).includes(gone.version)) this.#statistics.forget(gone);
          await discard(preparedDirectory(this.#cache.path, gone));
        },
        serves: (key) => crews.serves(key),
        onServingChange: (listener) => crews.onServingChange(listener),
      },
      ...{ clock: this.#clock, logger: this.#logger, recorder: this.#statistics },
      cacheDir: () => this.#cache.path,
      defaultMaxBatchSize: config.defaultMaxBatchSize,
      intraOpThreads: this.plan.intraOpThreads,
      workersOf: (model) => crews.wantedBy(model),
      keepPrevious: config.keepPrevious,
      unchanged: isUnchanged,
      discard,
      retryFailed: config.modelControlMode === 'poll',
      demandOf: (...of) => this.#repositories.lists.demand(of[0], this.#labels.demandOf(...of)),
      models: new Map(Object.entries(config.models)),
    });
  }

  /** What metrics are read from, at a scrape. */
  #readServer(): ReadServer {
    const { config, machine, catalog } = this;
    return {
      ...{ config, machine, catalog, clock: this.#clock, crews: this.#crews, labels: this.#labels },
      statistics: this.#statistics,
      callsInFlight: () => this.#admission.inFlight,
      ready: () => this.readiness().ready,
      memory: () => memorySamples(this.catalog, this.#crews),
      eventLoop: () => this.#eventLoop,
      logLinesDropped: this.#dependencies.logLinesDropped ?? (() => 0),
      traceSpans: () => this.#exports.tracing.counts(),
    };
  }

  async #stop(): Promise<StopReport> {
    const { drainDelayMs, exitTimeoutSecs } = this.config.server;
    const deadline = this.#clock.now() + exitTimeoutSecs * 1000;
    const wasServing = this.#phase === 'serving';
    this.#phase = 'draining';
    this.#fronts.sayNotServing();
    if (wasServing) await this.#drain(Math.min(drainDelayMs, exitTimeoutSecs * 1000), deadline);
    const callsCut = this.#admission.inFlight;
    this.#fronts.cut();
    this.#crews.cut();
    this.#repositories.close();
    this.#labels.close();
    this.catalog.close();
    const workerExitMs = Math.max(WORKER_EXIT_MS, deadline - this.#clock.now());
    const [workersLeft] = await Promise.all([
      this.#crews.close(workerExitMs),
      this.#preparer.close(),
      this.#fronts.close(),
    ]);
    this.#phase = 'stopped';
    await this.#exports.close();
    this.#eventLoop?.close();
    await this.#cache.close();
    return { callsCut, workersLeft };
  }

  /** Serves on while balancers take notice, then lets what is in flight end; gives up `WORKER_EXIT_MS` before the end. */
  async #drain(delayMs: number, deadline: number): Promise<void> {
    if (delayMs > 0) await new Promise<void>((done) => this.#clock.setTimer(done, delayMs));
    let cancel = (): void => {};
    const timeout = new Promise<void>((done) => {
      const waitMs = Math.max(0, deadline - WORKER_EXIT_MS - this.#clock.now());
      cancel = this.#clock.setTimer(done, waitMs).cancel;
    });
    // In this order: a call that reaches the transport before it has closed is served, not refused further in.
    const drained = this.#fronts
      .drain()
      .then(() => this.#admission.drain())
      .then(() => this.#crews.drain());
    await Promise.race([drained, timeout]);
    cancel();
  }
}

/** What a program needs to call `infer`, and to understand what it throws. */
export { Cancellation, ConfigError, GatewayError, systemClock };
