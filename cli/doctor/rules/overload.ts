import { type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';
import { suffering } from '../suffering.js';

/** There is simply more to do than workers can do. */
export function overload(signs: Signs): Finding | undefined {
  const { view, callers } = signs;
  const trouble = suffering(signs);
  const workers = view.saturation['workers'] ?? 0;
  const [busiest] = view.versions;
  if (trouble.length === 0 || workers < 0.85 || busiest === undefined) return undefined;
  const apart = (callers?.callers.length ?? 0) > 1;
  return {
    cause: 'overload',
    summary: `There is more to do than ${view.workersWanted} worker${view.workersWanted === 1 ? '' : 's'} can do: busy ${percent(workers)} of the time`,
    score: 0.6,
    evidence: [
      ...trouble,
      `busiest is ${busiest.model} version ${busiest.version}: ${(busiest.requestsPerSec ?? 0).toFixed(1)} requests/s, a run of ${(busiest.rowsPerRun ?? 1).toFixed(1)} rows takes ${(busiest.runMs ?? 0).toFixed(1)} ms, p99 of waiting ${(busiest.queueP99Ms ?? 0).toFixed(0)} ms`,
      ...(apart
        ? []
        : ['no two callers are told apart: callers.metadataKey would show whether one has it all']),
    ],
    next: 'sluice top',
    asks: 'metrics',
    advice: 'watches it. More servers, or more workers where cores are idle; longer deadlines help nobody.',
  };
}
