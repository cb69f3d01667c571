import { GatewayError, quote } from '../core/error.js';
import { retryAfterMs } from './batch-policy.js';
import type { Lane } from './lane.js';

/** The bounds on what the batcher holds, and how far they are used. */
export interface Room {
  /** Most rows that wait for one model version. */
  readonly maxQueueRows: number;
  /** Most input bytes of all requests, waiting and running. */
  readonly maxQueueBytes: number;
  /** Input bytes held now. */
  readonly heldBytes: number;
  /** Workers that share the backlog. */
  readonly workers: number;
}

/**
 * Throws UNAVAILABLE when a request finds no room, with the time after which the backlog will have run, and
 * INVALID_ARGUMENT when it would find none in an empty server either: to try again would be in vain.
 */
export function checkRoom(
  request: { readonly cost: number; readonly bytes: number },
  lane: Lane,
  room: Room,
): void {
  const { model, version } = lane.manifest;
  if (request.cost > room.maxQueueRows) throw tooLarge(lane, `${request.cost} rows`, room.maxQueueRows);
  if (request.bytes > room.maxQueueBytes) throw tooLarge(lane, `${request.bytes} bytes`, room.maxQueueBytes);
  if (lane.queuedCost + request.cost > room.maxQueueRows) {
    throw new GatewayError(
      'UNAVAILABLE',
      `queue of model ${quote(model)} version ${version} is full: ${lane.queuedCost} rows wait, ${request.cost} more would exceed ${room.maxQueueRows}`,
      { reason: 'queue_full', retryAfterMs: untilRun(lane, room.workers) },
    );
  }
  if (room.heldBytes + request.bytes > room.maxQueueBytes) {
    throw new GatewayError(
      'UNAVAILABLE',
      `byte budget is spent: requests hold ${room.heldBytes} bytes, ${request.bytes} more would exceed ${room.maxQueueBytes}`,
      { reason: 'byte_budget', retryAfterMs: untilRun(lane, room.workers) },
    );
  }
}

function tooLarge({ manifest: { model, version } }: Lane, size: string, limit: number): GatewayError {
  return new GatewayError(
    'INVALID_ARGUMENT',
    `request for model ${quote(model)} version ${version} takes ${size}, more than may ever wait: at most ${limit}`,
    { reason: 'bad_request' },
  );
}

function untilRun(lane: Lane, workers: number): number {
  const { queuedCost, maxCost } = lane;
  return retryAfterMs({ queuedCost, maxCost, fullBatchMs: lane.latency.estimateMs(maxCost), workers });
}
