import type { StatusCode } from '../../../gateway/core/error.js';
import { STATUS_NUMBER } from '../../../gateway/grpc/status.js';
import { PREDICTION } from '../tfs-call.js';
import { TFS_REFUSALS } from '../tfs-refusals.js';

/** The table of refusals in docs/TENSORFLOW-SERVING.md: each code and text once, in the order of the rows that are replayed. */
export function refusalTable(): string {
  const codes = Object.entries(STATUS_NUMBER) as [StatusCode, number][];
  const nameOf = (code: number) => codes.find(([, number]) => number === code)?.[0];
  const lines = TFS_REFUSALS.map(
    ({ code, text, source }) => `| \`${nameOf(code)}\` | \`${text.trim()}\` | ${source} |`,
  );
  return ['| code | text | from |', '|---|---|---|', ...new Set(lines)].join('\n');
}

/** The RPCs that the page has to tell of. */
export const PREDICTION_RPCS: readonly string[] = Object.values(PREDICTION).map(({ name }) => name);
