import { type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';
import { BUSY } from '../suffering.js';

/** Share of the requests from which on it is a cause. */
const MIN_SHARE = 0.1;

/** Clients give less time than a run takes, on a server that is not even busy. */
export function shortDeadlines({ view }: Signs): Finding | undefined {
  const all = view.requestsPerSec ?? 0;
  const tooShort = view.refusedPerSec['too_short'] ?? 0;
  const passed = view.refusedPerSec['deadline_passed'] ?? 0;
  const share = all > 0 ? (tooShort + passed) / all : 0;
  if (share < MIN_SHARE || (view.saturation['workers'] ?? 0) >= BUSY) return undefined;
  const slowest = [...view.versions].sort((a, b) => (b.runMs ?? 0) - (a.runMs ?? 0))[0];
  return {
    cause: 'short_deadlines',
    summary: `${percent(Math.min(1, share))} of the requests have deadlines that are too short`,
    score: 0.55,
    evidence: [
      `a second: ${tooShort.toFixed(1)} that are shorter than a run (too_short), ${passed.toFixed(1)} that passed (deadline_passed)`,
      `workers are busy ${percent(view.saturation['workers'] ?? 0)} of the time`,
      ...(slowest?.runMs === undefined
        ? []
        : [
            `the longest runs are those of ${slowest.model} version ${slowest.version}: ${slowest.runMs.toFixed(1)} ms`,
          ]),
    ],
    next: 'sluice why',
    asks: 'admin',
    advice:
      'tells how long each had, and where the time went. Longer deadlines in the clients; where they come through a proxy, its time-outs.',
  };
}
