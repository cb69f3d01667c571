import type { SearchOutcome } from './document.js';
import { ms, number } from './format.js';
import type { ReportTable } from './table.js';

/** `p99.9` of 0.999. */
function percentileName({ percentile }: SearchOutcome): string {
  return `p${Number((percentile * 100).toPrecision(6))}`;
}

/** What a search found, in one sentence without its full stop. */
export function searchFound(search: SearchOutcome): string {
  const bound = `${percentileName(search)} within ${ms(search.boundMs)}`;
  return search.maxRatePerS === null
    ? `No rate was shown to keep ${bound}`
    : `${number(search.maxRatePerS)}/s is the highest rate shown to keep ${bound}`;
}

/** Every step of a search: calls within the bound, calls over it, and what that proves. */
export function searchTable(search: SearchOutcome): ReportTable {
  return {
    heads: ['RATE/S', 'VERDICT', percentileName(search).toUpperCase(), 'WITHIN', 'OVER'],
    rows: search.steps.map((step) => [
      number(step.ratePerS),
      step.verdict,
      ms(step.percentileMs),
      String(step.under),
      String(step.over),
    ]),
    right: new Set([0, 2, 3, 4]),
  };
}
