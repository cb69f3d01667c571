import type { Finding } from '../finding.js';
import type { Signs } from '../signs.js';

/** Balancers send it nothing. */
export function notReady({ view, origin }: Signs): Finding | undefined {
  if (view.ready) return undefined;
  const states = new Map<string, number>();
  for (const { state } of view.versions) if (state !== '') states.set(state, (states.get(state) ?? 0) + 1);
  return {
    cause: 'not_ready',
    summary: 'The server is not ready: balancers send it nothing',
    score: 0.6,
    evidence: [
      `versions: ${[...states].map(([state, count]) => `${state} ${count}`).join(', ') || 'none'}`,
      `workers: ${
        Object.entries(view.slots)
          .map(([state, count]) => `${state} ${count}`)
          .join(', ') || 'none'
      }`,
    ],
    next: `curl -s ${origin}/readyz`,
    advice: 'says why, in one line. It starts, it drains, or a required model has no version.',
  };
}
