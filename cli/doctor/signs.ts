import type { AdminCaller } from '../../client/admin.js';
import { countedBetween, meanOf, quantileOf } from '../scrape/histogram.js';
import { growthBetween, NO_PAGE, type Page, versionKey } from '../scrape/page.js';
import { type ServerView, type VersionView, viewOf } from '../scrape/view.js';

/** What a scheduler has learned of a version: a batch of b rows takes `fixedMs + perRowMs * b`. */
export interface LatencyLine {
  readonly model: string;
  readonly version: number;
  readonly latency?: { readonly fixedMs: number; readonly perRowMs: number };
}

/** Who called of late. */
export interface Callers {
  readonly overMs: number;
  readonly callers: readonly AdminCaller[];
}

/** What was read of a server. */
export interface Seen {
  /** Where its HTTP listener is: `http://host:port`. */
  readonly origin: string;
  readonly before: Page;
  readonly after: Page;
  /** Between the two. */
  readonly seconds: number;
  /** Undefined where the server does not tell. */
  readonly lanes: readonly LatencyLine[] | undefined;
  readonly callers: Callers | undefined;
}

/** A version, with what its requests weigh and what its runs took since it was loaded. */
export interface VersionSigns extends VersionView {
  /** Of the requests' messages. */
  readonly bytesPerSec: number;
  readonly meanBytes: number | undefined;
  readonly p99Bytes: number | undefined;
  /** Since the server started. */
  readonly ever: { readonly runs: number; readonly runMs: number; readonly rowsPerRun: number } | undefined;
  readonly line: LatencyLine['latency'];
}

/** How many spans became what. */
export interface SpanCounts {
  readonly exported: number;
  readonly lost: number;
}

/** What the rules look at. All rates are of the seconds between the looks. */
export interface Signs {
  /** Where its HTTP listener is. */
  readonly origin: string;
  readonly view: ServerView;
  readonly seconds: number;
  readonly cores: number;
  /** How many of them the process and its threads used. */
  readonly coresUsed: number;
  /** Seconds of each second for which the kernel held the server back. */
  readonly heldBackPerSec: number;
  readonly versions: readonly VersionSigns[];
  readonly spans: SpanCounts;
  readonly spansEver: SpanCounts;
  /** Workers that were started again since the server was. */
  readonly restartsEver: number;
  /** Those that ended, by their slots, between the looks. */
  readonly lostSlots: readonly string[];
  readonly quarantined: number;
  readonly queuedBytes: number;
  readonly callers: Callers | undefined;
}

/** What was read, as the rules want it. */
export function signsOf({ origin, before, after, seconds, lanes, callers }: Seen): Signs {
  const view = viewOf(before, after, seconds);
  const grown = growthBetween(before, after);
  const spans = (of: (name: string, labels: { outcome: string }) => number): SpanCounts => {
    const count = (outcome: string): number => of('sluice_trace_spans_total', { outcome });
    return { exported: count('exported'), lost: count('failed') + count('dropped') };
  };
  const lines = new Map(lanes?.map((lane) => [versionKey(lane.model, String(lane.version)), lane.latency]));
  const lineOf = (key: string): LatencyLine['latency'] => lines.get(key);
  const earlier = before.by('sluice_workers_lost_total', 'slot');
  return {
    origin,
    view,
    seconds,
    cores: after.sum('sluice_cpu_cores') ?? 0,
    coresUsed: grown('sluice_process_cpu_seconds_total') / seconds,
    heldBackPerSec: grown('sluice_cpu_throttled_seconds_total') / seconds,
    versions: view.versions.map((version) => versionSigns(version, before, after, seconds, lineOf)),
    spans: spans(grown),
    spansEver: spans((name, labels) => after.sum(name, labels) ?? 0),
    restartsEver: after.sum('sluice_slot_restarts_total') ?? 0,
    lostSlots: [...after.by('sluice_workers_lost_total', 'slot')]
      .filter(([slot, count]) => count > (earlier.get(slot) ?? 0))
      .map(([slot]) => slot),
    quarantined: after.sum('sluice_model_versions_quarantined') ?? 0,
    queuedBytes: after.sum('sluice_queue_bytes') ?? 0,
    callers,
  };
}

function versionSigns(
  view: VersionView,
  wholeBefore: Page,
  wholeAfter: Page,
  seconds: number,
  lineOf: (key: string) => LatencyLine['latency'],
): VersionSigns {
  const key = versionKey(view.model, view.version);
  const before = wholeBefore.byVersion().get(key);
  const after = wholeAfter.byVersion().get(key) ?? NO_PAGE;
  const bytes = countedBetween(before, after, 'sluice_request_bytes');
  const runs = countedBetween(undefined, after, 'sluice_batch_compute_duration_seconds');
  const rows = countedBetween(undefined, after, 'sluice_batch_rows');
  return {
    ...view,
    bytesPerSec: bytes.sum / seconds,
    meanBytes: meanOf(bytes),
    p99Bytes: quantileOf(bytes, 0.99),
    ever:
      runs.count === 0
        ? undefined
        : { runs: runs.count, runMs: (1000 * runs.sum) / runs.count, rowsPerRun: meanOf(rows) ?? 1 },
    line: lineOf(key),
  };
}
