import { type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';
import { BUSY, suffering } from '../suffering.js';

/** Share of its time from which on the main thread has none left. */
const LOOP_BUSY = 0.9;

/** There is simply more to do than workers can do, or than the one thread can that all requests pass through. */
export function overload(signs: Signs): Finding | undefined {
  const { view, callers } = signs;
  const trouble = suffering(signs);
  const workers = view.saturation['workers'] ?? 0;
  const [busiest] = view.versions;
  const loop = view.saturation['event_loop'] ?? 0;
  const atWorkers = workers >= BUSY;
  if (trouble.length === 0 || busiest === undefined || !(atWorkers || loop >= LOOP_BUSY)) return undefined;
  const apart = (callers?.callers.length ?? 0) > 1;
  return {
    cause: 'overload',
    summary: atWorkers
      ? `There is more to do than ${view.workersWanted} worker${view.workersWanted === 1 ? '' : 's'} can do: busy ${percent(workers)} of the time`
      : `There is more to do than the main thread can do: busy ${percent(loop)} of the time, workers ${percent(workers)}`,
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
    advice: atWorkers
      ? 'watches it. More servers, or more workers where cores are idle; longer deadlines help nobody.'
      : 'watches it. More servers, or more rows in one call: more workers would not help.',
  };
}
