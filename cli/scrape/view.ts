import { countedBetween, meanOf, quantileOf } from './histogram.js';
import { growthBetween, type Labels, NO_PAGE, type Page, versionKey } from './page.js';

/** A model version between two looks. Rates are per second; undefined: nothing was to be measured. */
export interface VersionView {
  readonly model: string;
  readonly version: string;
  /** As the registry says; `''` for requests that no version was found for. */
  readonly state: string;
  readonly requestsPerSec: number | undefined;
  /** Of those, what did not end in OK. */
  readonly failedPerSec: number | undefined;
  readonly refusedPerSec: number | undefined;
  readonly rowsPerSec: number | undefined;
  /** From arrival to answer. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly queueP99Ms: number | undefined;
  /** Of a run, on average. */
  readonly runMs: number | undefined;
  readonly rowsPerRun: number | undefined;
  /** Runs between the looks. */
  readonly runs: number;
  readonly queuedRows: number;
  readonly memoryBytes: number | undefined;
}

/** A place for a worker between two looks. */
export interface SlotView {
  /** The model that has it for itself; `''` where models share it. */
  readonly crew: string;
  readonly slot: string;
  /** Share of the time for which its worker had a batch; undefined where nothing was to be measured. */
  readonly busyShare: number | undefined;
  /** Workers that were started in it after the first one. */
  readonly restarts: number;
}

/** A server between two looks. */
export interface ServerView {
  /** Seconds between the looks; undefined at the first one, and after a restart: there are no rates then. */
  readonly seconds: number | undefined;
  readonly release: string;
  /** When it was started, in seconds since 1970; 0 where it does not tell. */
  readonly startedAt: number;
  readonly ready: boolean;
  /** Shares of limits that are in use, by part, from 0 to 1. */
  readonly saturation: Readonly<Record<string, number>>;
  readonly callsInFlight: number;
  readonly queuedRows: number;
  /** Places for workers, by state; how many there should be in rotation; and how many ended between the looks. */
  readonly slots: Readonly<Record<string, number>>;
  readonly places: readonly SlotView[];
  readonly workersWanted: number;
  readonly workersLost: number;
  readonly requestsPerSec: number | undefined;
  readonly failedPerSec: number | undefined;
  /** By reason. */
  readonly refusedPerSec: Readonly<Record<string, number>>;
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly residentBytes: number;
  readonly limitBytes: number;
  /** Share of the periods of its CPU quota in which it was held back; undefined where that cannot be known. */
  readonly throttledShare: number | undefined;
  readonly versions: readonly VersionView[];
}

const DURATION = 'sluice_request_duration_seconds';

/** Whether both pages are of the same process: what it counts begins anew with each. */
function sameProcess(before: Page, after: Page): boolean {
  const name = 'sluice_process_start_time_seconds';
  return before.sum(name) === after.sum(name);
}

/** What two pages, so many seconds apart, say of a server. */
export function viewOf(earlier: Page | undefined, after: Page, apart: number): ServerView {
  const before = earlier !== undefined && sameProcess(earlier, after) && apart > 0 ? earlier : undefined;
  const seconds = before === undefined ? undefined : apart;
  const grown = growthBetween(before, after);
  const perSec = (amount: number): number | undefined =>
    seconds === undefined ? undefined : amount / seconds;
  const requests = grown('sluice_requests_total');
  const periods = grown('sluice_cpu_periods_total');
  const delay = (stat: 'p50' | 'p99' | 'max'): number =>
    1000 * (after.sum('sluice_event_loop_delay_seconds', { stat }) ?? 0);
  return {
    seconds,
    release: after.series('sluice_build_info')[0]?.labels['version'] ?? '?',
    startedAt: after.sum('sluice_process_start_time_seconds') ?? 0,
    ready: after.sum('sluice_ready') === 1,
    saturation: Object.fromEntries(after.by('sluice_saturation_part_ratio', 'part')),
    callsInFlight: after.sum('sluice_calls_in_flight') ?? 0,
    queuedRows: after.sum('sluice_queue_rows') ?? 0,
    slots: Object.fromEntries(after.by('sluice_slots', 'state')),
    places: placesOf(before, after, seconds),
    workersWanted: after.sum('sluice_workers_wanted') ?? 0,
    workersLost: seconds === undefined ? 0 : grown('sluice_workers_lost_total'),
    requestsPerSec: perSec(requests),
    failedPerSec: perSec(requests - grown('sluice_requests_total', { code: 'OK' })),
    refusedPerSec: seconds === undefined ? {} : reasonsPerSec(before, after, seconds),
    loopDelayMs: { p50: delay('p50'), p99: delay('p99'), max: delay('max') },
    residentBytes: after.sum('sluice_process_memory_bytes', { kind: 'resident' }) ?? 0,
    limitBytes: after.sum('sluice_memory_limit_bytes') ?? 0,
    throttledShare:
      seconds === undefined || periods === 0
        ? undefined
        : grown('sluice_cpu_throttled_periods_total') / periods,
    versions: versionsOf(before, after, seconds),
  };
}

function placesOf(before: Page | undefined, after: Page, seconds: number | undefined): readonly SlotView[] {
  const busy = 'sluice_slot_busy_seconds_total';
  return after.series(busy).map(({ labels, value }) => {
    const { crew = '', slot = '' } = labels;
    const grown = value - (before?.sum(busy, { crew, slot }) ?? 0);
    return {
      ...{ crew, slot, restarts: after.sum('sluice_slot_restarts_total', { crew, slot }) ?? 0 },
      // A worker that has left took what it was busy with along; a batch that is over counts when it is over.
      busyShare: seconds === undefined ? undefined : Math.min(1, Math.max(0, grown / seconds)),
    };
  });
}

function reasonsPerSec(
  before: Page | undefined,
  after: Page,
  seconds: number,
): Readonly<Record<string, number>> {
  const name = 'sluice_requests_refused_total';
  const earlier = before?.by(name, 'reason');
  const rates = [...after.by(name, 'reason')]
    .map(([reason, count]) => [reason, (count - (earlier?.get(reason) ?? 0)) / seconds] as const)
    .filter(([, rate]) => rate > 0)
    .sort(([, a], [, b]) => b - a);
  return Object.fromEntries(rates);
}

/** Every version that is known or was asked for: the busiest first, then those that could be. */
function versionsOf(
  before: Page | undefined,
  after: Page,
  seconds: number | undefined,
): readonly VersionView[] {
  const states = new Map<string, string>();
  const keys = new Map<string, Labels>();
  for (const name of ['sluice_model_version_state', 'sluice_requests_total'])
    for (const { labels } of after.series(name)) {
      const { model = '', version = '', state } = labels;
      const key = versionKey(model, version);
      keys.set(key, { model, version });
      if (state !== undefined) states.set(key, state);
    }
  // By version once: a filter for each of a thousand versions over all series would be quadratic.
  const now = after.byVersion();
  const then = before?.byVersion();
  return [...keys]
    .map(([key, labels]) =>
      versionView(then?.get(key), now.get(key) ?? NO_PAGE, seconds, labels, states.get(key) ?? ''),
    )
    .sort(
      (a, b) =>
        (b.requestsPerSec ?? 0) - (a.requestsPerSec ?? 0) ||
        Number(b.state === 'available') - Number(a.state === 'available') ||
        a.model.localeCompare(b.model) ||
        Number(a.version) - Number(b.version),
    );
}

function versionView(
  before: Page | undefined,
  after: Page,
  seconds: number | undefined,
  labels: Labels,
  state: string,
): VersionView {
  const known = seconds !== undefined;
  const grown = growthBetween(before, after);
  const perSec = (amount: number): number | undefined => (known ? amount / seconds : undefined);
  const inMs = (value: number | undefined): number | undefined =>
    known && value !== undefined ? 1000 * value : undefined;
  const durations = countedBetween(before, after, DURATION);
  const runs = countedBetween(before, after, 'sluice_batch_compute_duration_seconds');
  const rows = countedBetween(before, after, 'sluice_batch_rows');
  const requests = grown('sluice_requests_total');
  const waits = countedBetween(before, after, 'sluice_request_queue_duration_seconds');
  return {
    model: labels['model'] ?? '',
    version: labels['version'] ?? '',
    state,
    requestsPerSec: perSec(requests),
    failedPerSec: perSec(requests - grown('sluice_requests_total', { code: 'OK' })),
    refusedPerSec: perSec(grown('sluice_requests_refused_total')),
    rowsPerSec: perSec(rows.sum),
    p50Ms: inMs(quantileOf(durations, 0.5)),
    p99Ms: inMs(quantileOf(durations, 0.99)),
    queueP99Ms: inMs(quantileOf(waits, 0.99)),
    runMs: inMs(meanOf(runs)),
    rowsPerRun: known ? meanOf(rows) : undefined,
    runs: known ? runs.count : 0,
    queuedRows: after.sum('sluice_model_queue_rows') ?? 0,
    memoryBytes: after.sum('sluice_model_memory_bytes'),
  };
}
