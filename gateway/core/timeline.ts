import type { BatchTrace, RunTrace } from './batch-trace.js';
import type { CallTrace } from './call-trace.js';

/**
 * What a call is told of itself when it asks (`sluice-debug: 1`), as JSON in printable ASCII: where its time went, with whom it
 * ran, on which worker, and how long that was predicted to take. Milliseconds. `at`: now, when it has not ended.
 */
export function timelineOf(trace: CallTrace, at: number): string {
  const { startedAt, queued, queuedAt, sentAt, endedAt, batch } = trace;
  const end = endedAt || at;
  const runs = runsOf(batch);
  const last = runs.at(-1);
  return JSON.stringify({
    traceId: trace.identify().traceId,
    totalMs: ms(end - startedAt),
    ...(queued !== undefined && {
      version: queued.lane.manifest.version,
      beforeQueueMs: ms(queuedAt - startedAt),
      queueMs: ms((sentAt || end) - queuedAt),
    }),
    ...(batch !== undefined && {
      batch: {
        requests: batch.requests,
        rows: batch.rows,
        closed: batch.why,
        totalMs: ms((batch.endedAt || end) - batch.formedAt),
      },
    }),
    ...(last !== undefined && {
      predictedMs: last.predictedMs === undefined ? null : ms(last.predictedMs),
      actualMs: ms((last.endedAt || end) - last.startedAt),
      runs: runs.map((run) => ({
        attempt: run.attempt,
        worker: run.worker,
        outcome: run.outcome,
        ms: ms((run.endedAt || end) - run.startedAt),
      })),
    }),
  });
}

/** All runs of a request, the first one first. */
function runsOf(batch: BatchTrace | undefined): readonly RunTrace[] {
  return batch === undefined ? [] : [...runsOf(batch.halfOf), ...batch.runs];
}

/** To the microsecond. */
function ms(duration: number): number {
  return Math.round(duration * 1000) / 1000;
}
