import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { throttlingReader } from './config/cpu-throttling.js';
import { type Machine, systemFacts } from './config/machine.js';
import type { Config } from './config/schema.js';
import type { ModelCatalog } from './core/catalog.js';
import { type Clock, wallClockMs } from './core/clock.js';
import type { SchedulerReport } from './core/scheduler-report.js';
import type { EventLoopMonitor } from './telemetry/event-loop.js';
import type { CollectedMetric } from './telemetry/exposition.js';
import type { MetricReaders, ReadSample } from './telemetry/metrics.js';
import type { Statistics } from './telemetry/statistics.js';
import { tritonMetrics } from './telemetry/triton-metrics.js';
import { WindowedShare } from './telemetry/windowed-share.js';

/** A worker's place, as far as metrics tell of it. */
interface ReadSlot {
  readonly model: string;
  readonly index: number;
  readonly state: string;
  readonly restarts: number;
  readonly busyMs: number;
}

/** What a server is made of, as far as its metrics are read from it. */
export interface ReadServer {
  readonly config: Config;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly catalog: Pick<ModelCatalog, 'list' | 'describe'>;
  readonly crews: {
    readonly wanted: number;
    readonly ready: number;
    readonly quarantined: readonly string[];
    stats(): { readonly queuedRows: number; readonly bytes: number };
    status(): readonly ReadSlot[];
    report(): SchedulerReport;
  };
  readonly statistics: Pick<Statistics, 'read' | 'failures'>;
  readonly callsInFlight: () => number;
  readonly ready: () => boolean;
  readonly memory: () => readonly ReadSample[];
  readonly labels: {
    readonly state: { readonly generation: number };
    readonly rollbacks: ReadonlyMap<string, number>;
  };
  readonly eventLoop: () => EventLoopMonitor | undefined;
  readonly logLinesDropped: () => number;
  readonly traceSpans: () => Readonly<Record<string, number>>;
}

/** Where each metric of SERVER_METRICS is read. `server` is asked for at a scrape, by when it is built. */
export function serverReaders(server: () => ReadServer): MetricReaders {
  return { ...processReaders(server), ...workReaders(server), ...modelReaders(server) };
}

/** A hundred scrapers that ask at once come one in a turn of the event loop: by then they share a page or two. */
const GATHER_MS = 10;

/** Waits for further scrapers. */
export function gatherScrapes(clock: Clock): () => Promise<void> {
  return () => new Promise((resolve) => void clock.setTimer(resolve, GATHER_MS));
}

/** The metrics that stand beside our own, as `metrics.compat` says. */
export function compatMetrics(
  compat: Config['metrics']['compat'],
  server: () => ReadServer,
): CollectedMetric[] {
  if (compat === 'none') return [];
  return tritonMetrics({
    versions: () =>
      server()
        .catalog.list()
        .filter(({ state }) => state === 'available'),
    statistics: ({ model, version }) => server().statistics.read(model, version),
    failures: ({ model, version }) => server().statistics.failures(model, version),
    pending: () => server().crews.report().lanes,
  });
}

/** Of the process and what its machine gives it. */
function processReaders(server: () => ReadServer): MetricReaders {
  let throttling: ReturnType<typeof throttlingReader> | undefined;
  const info = { version: versionIn('../../package.json'), node: process.versions.node };
  const onnxruntime = versionIn(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const startedAt = wallClockMs() / 1000;
  const throttled = (of: 'periods' | 'throttledPeriods' | 'throttledSeconds') => () => {
    throttling ??= throttlingReader({ ...systemFacts(), ...server().machine });
    const read = throttling();
    return read === undefined ? [] : [{ labels: {}, value: read[of] }];
  };
  return {
    sluice_build_info: () => [{ labels: { ...info, onnxruntime }, value: 1 }],
    sluice_process_start_time_seconds: () => startedAt,
    sluice_event_loop_delay_seconds: () => server().eventLoop()?.read() ?? {},
    sluice_process_cpu_seconds_total: () => {
      const { user, system } = process.cpuUsage();
      return { user: user / 1e6, system: system / 1e6 };
    },
    sluice_cpu_cores: () => server().machine.cores,
    sluice_cpu_throttled_seconds_total: throttled('throttledSeconds'),
    sluice_cpu_throttled_periods_total: throttled('throttledPeriods'),
    sluice_cpu_periods_total: throttled('periods'),
    sluice_process_memory_bytes: () => {
      const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
      return { resident: rss, heap_used: heapUsed, array_buffers: arrayBuffers };
    },
    sluice_memory_limit_bytes: () => server().machine.memoryBytes,
    sluice_log_lines_dropped_total: () => server().logLinesDropped(),
    sluice_trace_spans_total: () => server().traceSpans(),
  };
}

/** Of what waits and runs, and where. */
function workReaders(server: () => ReadServer): MetricReaders {
  let parts: (() => Readonly<Record<string, number>>) | undefined;
  const saturation = (): Readonly<Record<string, number>> => {
    parts ??= saturationParts(server());
    return parts();
  };
  const perSlot = (of: (slot: ReadSlot) => number) => () =>
    server()
      .crews.status()
      .map((slot) => ({ labels: { crew: slot.model, slot: String(slot.index) }, value: of(slot) }));
  return {
    sluice_ready: () => (server().ready() ? 1 : 0),
    sluice_saturation_ratio: () => Math.max(...Object.values(saturation())),
    sluice_saturation_part_ratio: saturation,
    sluice_calls_in_flight: () => server().callsInFlight(),
    sluice_queue_rows: () => server().crews.stats().queuedRows,
    sluice_queue_bytes: () => server().crews.stats().bytes,
    sluice_slots: () => countBy(server().crews.status()),
    sluice_workers_wanted: () => server().crews.wanted,
    sluice_slot_restarts_total: perSlot(({ restarts }) => restarts),
    sluice_slot_busy_seconds_total: perSlot(({ busyMs }) => busyMs / 1000),
  };
}

/** Of models and their versions. */
function modelReaders(server: () => ReadServer): MetricReaders {
  const perLane = (of: 'queuedRows' | 'queuedRequests' | 'runningBatches') => () =>
    server()
      .crews.report()
      .lanes.map((lane) => ({ labels: labelsOf(lane), value: lane[of] }));
  return {
    sluice_model_queue_rows: perLane('queuedRows'),
    sluice_model_queue_requests: perLane('queuedRequests'),
    sluice_model_batches_running: perLane('runningBatches'),
    sluice_model_info: () => {
      const { catalog } = server();
      return catalog
        .list()
        .filter(({ state }) => state === 'available')
        .map((status) => {
          const { sha256 } = catalog.describe(status.model, String(status.version));
          return { labels: { ...labelsOf(status), sha256 }, value: 1 };
        });
    },
    sluice_model_version_state: () =>
      server()
        .catalog.list()
        .filter(({ version }) => version > 0)
        .map((status) => ({ labels: { ...labelsOf(status), state: status.state }, value: 1 })),
    sluice_model_versions: () => countBy(server().catalog.list()),
    sluice_model_versions_quarantined: () => server().crews.quarantined.length,
    sluice_model_memory_bytes: () => server().memory(),
    sluice_model_rollbacks_total: () =>
      [...server().labels.rollbacks].map(([model, value]) => ({ labels: { model }, value })),
    sluice_labels_generation: () => server().labels.state.generation,
  };
}

/** How much of each limit is in use: docs/METRICS.md has the formula. */
function saturationParts(server: ReadServer): () => Readonly<Record<string, number>> {
  const { clock, crews, config } = server;
  const busy = new WindowedShare(clock);
  const loop = new WindowedShare(clock);
  const { maxQueueRows, maxQueueBytes, maxCallsInFlight } = config.queue;
  return () => {
    const busyMs = crews.status().reduce((sum, slot) => sum + slot.busyMs, 0);
    const fullest = Math.max(0, ...crews.report().lanes.map(({ queuedRows }) => queuedRows));
    return {
      workers: crews.ready === 0 ? 1 : busy.read(busyMs, crews.ready),
      event_loop: loop.read(server.eventLoop()?.activeMs() ?? 0, 1),
      queue_rows: Math.min(1, fullest / maxQueueRows),
      queue_bytes: Math.min(1, crews.stats().bytes / maxQueueBytes),
      calls: Math.min(1, server.callsInFlight() / maxCallsInFlight),
    };
  };
}

function labelsOf(of: { readonly model: string; readonly version: number }) {
  return { model: of.model, version: String(of.version) };
}

function countBy(lines: readonly { readonly state: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of lines) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** The version that a package.json tells. */
function versionIn(path: string): string {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
