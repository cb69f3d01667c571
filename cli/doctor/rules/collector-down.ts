import { type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';

/** Traces do not arrive. No request suffers, but nobody will be able to look at this night. */
export function collectorDown({ spans, spansEver, seconds }: Signs): Finding | undefined {
  const now = spans.exported + spans.lost;
  const lostShare = now > 0 ? spans.lost / now : 0;
  // An export may hang for longer than two looks are apart: then none arrive, and some were lost before.
  const silent = now === 0 && spansEver.lost > spansEver.exported;
  if (lostShare < 0.05 && !silent) return undefined;
  return {
    cause: 'collector_down',
    summary: 'Traces are lost: the collector is down, slow, or refuses them. No request suffers by it',
    score: silent ? 0.4 : 0.45 + 0.2 * lostShare,
    evidence: [
      `${spans.lost} spans were lost and ${spans.exported} taken within ${seconds.toFixed(0)} s${now > 0 ? ` (${percent(lostShare)} lost)` : ''}`,
      `since the server started ${spansEver.lost} were lost, ${spansEver.exported} taken`,
    ],
    next: `sluice config | grep -A12 '^trace:'`,
    advice:
      'where the server runs, with its flags and variables, tells the endpoint: is the collector there, on that port, with that protocol? The log says once a minute what it answers.',
  };
}
