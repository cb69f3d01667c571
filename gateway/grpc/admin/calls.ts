import type { CallFate, CallMemory } from '../../core/call-record.js';
import { GatewayError, quote } from '../../core/error.js';

const FATES: readonly string[] = ['failed', 'refused', 'slow'] satisfies CallFate[];
/** Where nobody says how many, and at most: an answer stays under a megabyte. */
const USUAL_LIMIT = 20;
const MAX_LIMIT = 500;

/** Throws INVALID_ARGUMENT for a fate that there is none of. */
function readFate(fate: string): CallFate | undefined {
  if (fate === '') return undefined;
  if (FATES.includes(fate)) return fate as CallFate;
  throw new GatewayError(
    'INVALID_ARGUMENT',
    `fate is ${quote(fate)}: wanted ${FATES.join(', ')} or nothing`,
    {
      ...{ reason: 'bad_request', field: 'fate' },
    },
  );
}

/** Answers sluice.v1.Admin/Calls. */
export function callsOf(
  memory: CallMemory,
  { id, fate, limit }: { readonly id: string; readonly fate: string; readonly limit: number },
) {
  const found = memory.find(id, readFate(fate), Math.min(MAX_LIMIT, limit || USUAL_LIMIT));
  return {
    calls: found.map((record) => {
      const { endedAt: _, version, reason = '', queueMs, computeMs, batchRows, ...rest } = record;
      return {
        ...rest,
        ...{ version: BigInt(version), reason, atMs: BigInt(Math.round(memory.wallMs(record))) },
        ...(queueMs !== undefined && { queueMs }),
        ...(computeMs !== undefined && { computeMs }),
        ...(batchRows !== undefined && { batchRows }),
      };
    }),
  };
}
