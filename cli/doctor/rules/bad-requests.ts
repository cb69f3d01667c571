import { type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';

/** Reasons for which nobody but the client can do anything. */
const OF_CLIENTS = ['bad_request', 'unknown_model', 'unauthenticated', 'denied', 'model_error'];

/** Clients ask for what there is not, or wrongly. */
export function badRequests({ view }: Signs): Finding | undefined {
  const all = view.requestsPerSec ?? 0;
  const bad = OF_CLIENTS.map((reason) => [reason, view.refusedPerSec[reason] ?? 0] as const).filter(
    ([, rate]) => rate > 0,
  );
  const rate = bad.reduce((sum, [, each]) => sum + each, 0);
  if (all === 0 || rate / all < 0.2) return undefined;
  return {
    cause: 'bad_requests',
    summary: `${percent(Math.min(1, rate / all))} of the requests do not fit what is served`,
    score: 0.5,
    evidence: [`a second: ${bad.map(([reason, each]) => `${reason} ${each.toFixed(1)}`).join(', ')}`],
    next: 'sluice why --fate failed',
    asks: 'admin',
    advice:
      'tells what they asked and what was wanted. A client that was deployed lately, or a model that changed?',
  };
}
