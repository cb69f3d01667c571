import { percent } from './finding.js';
import type { Signs } from './signs.js';

/** Refusals that say that there is more to do than can be done. */
const FOR_WANT_OF_ROOM = [
  'queue_full',
  'backlog',
  'early_drop',
  'queue_timeout',
  'byte_budget',
  'front_end',
  'quota',
];
/** Share of the workers' time from which on requests wait. */
export const BUSY = 0.85;

/** What shows that requests wait or are turned away, a line each; empty where all is well. */
export function suffering({ view }: Signs): string[] {
  const refused = FOR_WANT_OF_ROOM.map((reason) => [reason, view.refusedPerSec[reason] ?? 0] as const).filter(
    ([, rate]) => rate > 0,
  );
  const workers = view.saturation['workers'] ?? 0;
  return [
    ...(refused.length > 0
      ? [`refused: ${refused.map(([reason, rate]) => `${reason} ${rate.toFixed(1)}/s`).join(', ')}`]
      : []),
    ...(workers >= BUSY
      ? [`workers are busy ${percent(workers)} of the time, ${view.queuedRows} rows wait`]
      : []),
  ];
}
