import type { LaneReport } from '../core/scheduler-report.js';
import type { Lane } from './lane.js';

/** What is known of one model version, for people. */
export function reportOf(lane: Lane): LaneReport {
  const { latency, maxCost, manifest } = lane;
  const sizes: number[] = [];
  for (let rows = 1; rows < maxCost; rows *= 2) sizes.push(rows);
  let queuedRequests = 0;
  for (const count of lane.waiting.values()) queuedRequests += count;
  return {
    model: manifest.model,
    version: manifest.version,
    queuedRequests,
    queuedRows: lane.queuedCost,
    runningBatches: lane.running,
    maxBatchSize: manifest.signature.maxBatchSize,
    latency: latency.known
      ? {
          ...latency.line,
          guardRatio: latency.guardRatio,
          overheadMs: latency.overheadMs,
          kneeRows: lane.knee,
          curve: [...sizes, maxCost].map((rows) => ({
            rows,
            ms: latency.estimateMs(rows),
            guardMs: latency.guardMs(rows),
          })),
        }
      : undefined,
    closed: Object.fromEntries(lane.closed),
    refused: Object.fromEntries(lane.refused),
  };
}
