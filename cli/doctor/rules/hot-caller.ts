import type { AdminCaller } from '../../../client/admin.js';
import { between, type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';
import { suffering } from '../suffering.js';

/** From this share of all on, one caller is what the server is busy with; the next one has at most a third of it. */
const MIN_SHARE = 0.5;
const NEXT_SHARE = 1 / 3;

/** One caller takes nearly everything, and others wait or are refused. */
export function hotCaller(signs: Signs): Finding | undefined {
  const { callers = [], overMs = 0 } = signs.callers ?? {};
  const trouble = suffering(signs);
  // Few calls of many rows are as heavy as many calls, and calls that are refused have no rows.
  const [hot] = [heaviest(callers, 'rows'), heaviest(callers, 'calls')]
    .flatMap((one) => one ?? [])
    .sort((a, b) => b.share - a.share);
  if (hot === undefined || trouble.length === 0) return undefined;
  const { first, second, share, of } = hot;
  return {
    cause: 'hot_caller',
    summary: `Caller "${first.caller}" has ${percent(share)} of the ${of}`,
    score: between(share, [MIN_SHARE, 0.7], [0.9, 0.95]),
    evidence: [
      `in the last ${(overMs / 1000).toFixed(0)} s it had ${first.calls} calls, ${first.rows} rows run and ${first.refused} refused; next is "${second.caller}" with ${second.calls}, ${second.rows} and ${second.refused}`,
      ...trouble,
    ],
    next: 'sluice why --fate refused',
    asks: 'admin',
    advice: `tells whom it hits. ${adviceFor(first.caller)}`,
  };
}

interface Heaviest {
  readonly first: AdminCaller;
  readonly second: AdminCaller;
  readonly share: number;
  readonly of: 'rows' | 'calls';
}

/** Who has most of something, if that is most of all and far more than the next one has. */
function heaviest(callers: readonly AdminCaller[], of: 'rows' | 'calls'): Heaviest | undefined {
  const all = callers.reduce((sum, caller) => sum + caller[of], 0);
  const [first, second] = [...callers].sort((a, b) => b[of] - a[of]);
  if (first === undefined || second === undefined || all === 0) return undefined;
  const share = first[of] / all;
  if (share < MIN_SHARE || second[of] > first[of] * NEXT_SHARE) return undefined;
  return { first, second, share, of };
}

function adviceFor(caller: string): string {
  if (/^(?:address|certificate) /.test(caller))
    return 'Find out who that is. With callers.metadataKey callers have names of their own, and may have quotas and shares.';
  return `A quota for it: in sluice.yaml, callers.named."${caller}".rowsPerSec (or a smaller share); it takes effect with a restart.`;
}
