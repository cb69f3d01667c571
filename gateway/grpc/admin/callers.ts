import type { CallMemory } from '../../core/call-record.js';

/** Where nobody says how many, and at most. */
const USUAL_LIMIT = 20;
const MAX_LIMIT = 100;

/** Answers sluice.v1.Admin/Callers. */
export function callersOf(memory: Pick<CallMemory, 'callers'>, limit: number) {
  const { overMs, callers } = memory.callers();
  return {
    overMs,
    callers: callers.slice(0, Math.min(MAX_LIMIT, limit || USUAL_LIMIT)).map((total) => ({
      // What a header may hold is Latin-1; what a message may hold is UTF-8.
      caller: total.caller.toWellFormed(),
      ...{ calls: BigInt(total.calls), rows: BigInt(total.rows) },
      ...{ bytes: BigInt(total.bytes), refused: BigInt(total.refused) },
    })),
  };
}
