import { clamp, type Finding } from '../finding.js';
import type { Signs } from '../signs.js';

/** Workers end, or are not in rotation. */
export function workersLost({
  view,
  lostSlots,
  restartsEver,
  quarantined,
  seconds,
}: Signs): Finding | undefined {
  const { slots, workersWanted, workersLost: lost } = view;
  const inRotation = (slots['ready'] ?? 0) + (slots['busy'] ?? 0);
  const missing = Math.max(0, workersWanted - inRotation);
  if (missing === 0 && lost === 0 && quarantined === 0) return undefined;
  // One that is just being started counts, too: it is not there.
  const share = workersWanted > 0 ? missing / workersWanted : 0;
  const ended = lost > 0 || quarantined > 0 ? 0.8 : 0.55;
  const places = Object.entries(slots).map(([state, count]) => `${state} ${count}`);
  return {
    cause: 'workers_lost',
    summary:
      lost > 0
        ? `Workers end: ${lost} within ${seconds.toFixed(0)} s`
        : missing > 0
          ? `${missing} of ${workersWanted} workers ${missing === 1 ? 'is' : 'are'} not in rotation`
          : 'A version that ended its workers is not run any more',
    score: clamp(ended + 0.18 * share, 0, 0.98),
    evidence: [
      `${inRotation} of ${workersWanted} in rotation: ${places.join(', ')}`,
      `${lost} ended meanwhile${lostSlots.length > 0 ? ` (slot ${lostSlots.join(', ')})` : ''}, ${restartsEver} started again since the server was`,
      ...(quarantined > 0
        ? [`${quarantined} version(s) in quarantine: they ended one worker after the other`]
        : []),
    ],
    next: 'sluice why --fate failed',
    asks: 'admin',
    advice:
      'tells which calls went down with them; the log says why each ended. A new version? "sluice rollback". An input that kills? Its calls say poison. `isolation: process` keeps a crash of native code from the others.',
  };
}
