import { clamp, type Finding, percent, shellWord } from '../finding.js';
import type { Signs, VersionSigns } from '../signs.js';

/** From here on a version counts as slower than another. */
const MIN_RATIO = 1.5;
/** Below this nobody notices, whatever the ratio. */
const MIN_DIFFERENCE_MS = 1;
/** Runs that make a mean. */
const MIN_RUNS = 3;

interface Comparison {
  readonly slow: VersionSigns;
  readonly other: VersionSigns;
  /** What the other would take for as many rows. */
  readonly otherMs: number;
  readonly ratio: number;
}

/** A version whose runs take much longer than another version's of the same model would. */
export function slowVersion({ versions }: Signs): Finding | undefined {
  const busyMs = versions.reduce((sum, { runs, runMs = 0 }) => sum + runs * runMs, 0);
  const worst = versions
    .flatMap((slow) => comparisonsOf(slow, versions))
    .sort((a, b) => b.ratio - a.ratio)[0];
  if (worst === undefined) return undefined;
  const { slow, other, otherMs, ratio } = worst;
  const runMs = slow.runMs ?? 0;
  const share = busyMs > 0 ? (slow.runs * runMs) / busyMs : 0;
  return {
    cause: 'slow_version',
    summary: `${slow.model} version ${slow.version} is slow: a run takes ${ratio.toFixed(1)} times as long as one of version ${other.version}`,
    score: clamp(0.5 + 0.1 * ratio, 0, 0.95) * (0.4 + 0.6 * share),
    evidence: [
      `a run of ${(slow.rowsPerRun ?? 1).toFixed(1)} rows takes ${runMs.toFixed(1)} ms; one of version ${other.version} ${other.line ? 'would take' : 'took'} ${otherMs.toFixed(1)} ms`,
      `${percent(share)} of the workers' time went into it, ${(slow.requestsPerSec ?? 0).toFixed(1)} requests/s; p99 ${(slow.p99Ms ?? 0).toFixed(0)} ms`,
    ],
    next: `sluice promote ${shellWord(slow.model)} ${other.version}`,
    asks: 'admin',
    advice: `leads the label stable to version ${other.version}; "sluice rollback ${shellWord(slow.model)}" where the label was moved lately, "sluice history" tells who did.`,
  };
}

function comparisonsOf(slow: VersionSigns, versions: readonly VersionSigns[]): Comparison[] {
  const { model, version, runs, runMs, rowsPerRun = 1 } = slow;
  if (runs < MIN_RUNS || runMs === undefined) return [];
  return versions
    .filter((of) => of.model === model && of.version !== version)
    .flatMap((other) => {
      const otherMs = timeOf(other, rowsPerRun);
      if (otherMs === undefined || runMs - otherMs < MIN_DIFFERENCE_MS) return [];
      const ratio = runMs / Math.max(otherMs, 0.01);
      return ratio >= MIN_RATIO ? [{ slow, other, otherMs, ratio }] : [];
    });
}

/** What a run of so many rows would take: by the scheduler's line, else by the mean of its runs, as if all of it were by the row. */
function timeOf({ line, ever }: VersionSigns, rows: number): number | undefined {
  if (line !== undefined) return line.fixedMs + line.perRowMs * rows;
  if (ever === undefined || ever.runs < MIN_RUNS) return undefined;
  return ever.runMs * Math.max(1, rows / ever.rowsPerRun);
}
