import { GatewayError, quote } from '../core/error.js';
import { MAX_RETRY_AFTER_MS, retryAfterMs } from './batch-policy.js';
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

/** What tells whether a request can be in time. Instants are on the Clock's scale. */
export interface Prospect {
  readonly now: number;
  readonly deadline: number;
  /** When the first worker is free, as predicted. */
  readonly freeAt: number;
  /** What its own rows take. */
  readonly ownMs: number;
  /** Rows that wait and go before it. */
  readonly rowsAhead: number;
  /** Rows of a batch of those, what it takes as a rule, and within what it is answered nearly always. */
  readonly batchRows: number;
  readonly batchMs: number;
  readonly batchGuardMs: number;
  /** Workers that the model can count on. */
  readonly workers: number;
}

/**
 * When it would be answered. While next to nothing is before it, if all went well: nobody is to be refused who could have been in
 * time. Behind a real backlog it will run in a full batch, and those who are served just in time are served late when anything takes
 * longer than foreseen: so it is to be in time even then.
 */
function earliestEnd(at: Prospect): number {
  const rounds = Math.floor(at.rowsAhead / (at.batchRows * at.workers));
  return at.freeAt + rounds * at.batchMs + (rounds > 0 ? at.batchGuardMs : at.ownMs);
}

/**
 * Throws when a request cannot be in time: DEADLINE_EXCEEDED where an idle server would not be in time either, UNAVAILABLE with the
 * time after which it could be where that is the backlog's doing.
 */
export function checkInTime(lane: Lane, at: Prospect): void {
  const lateMs = earliestEnd(at) - at.deadline;
  if (lateMs <= 0) return;
  const leftMs = at.deadline - at.now;
  const { model, version } = lane.manifest;
  const what = `a request for model ${quote(model)} version ${version}`;
  if (at.ownMs > leftMs) {
    throw new GatewayError(
      'DEADLINE_EXCEEDED',
      `deadline exceeded: ${what} takes about ${at.ownMs.toFixed(1)} ms on an idle server, and has ${leftMs.toFixed(1)} ms`,
      { reason: 'too_short' },
    );
  }
  throw new GatewayError(
    'UNAVAILABLE',
    `the server is busy: ${what} could not be answered within its ${leftMs.toFixed(1)} ms, ${at.rowsAhead} rows are before it`,
    { reason: 'backlog', retryAfterMs: Math.min(MAX_RETRY_AFTER_MS, Math.ceil(lateMs)) },
  );
}

/** The failure of a request that waited and can no longer be in time. */
export function droppedEarly(lane: Lane, waitedMs: number, leftMs: number, workers: number): GatewayError {
  const { model, version } = lane.manifest;
  return new GatewayError(
    'UNAVAILABLE',
    `the server is busy: request for model ${quote(model)} version ${version} waited ${waitedMs.toFixed(1)} ms and could not be answered within the ${leftMs.toFixed(1)} ms that were left`,
    { reason: 'early_drop', retryAfterMs: untilRun(lane, workers) },
  );
}

/** Throws UNAVAILABLE, in Triton's words, when as many requests of a priority level wait as its queue policy allows. */
export function checkQueueSize(lane: Lane, level: number, maxQueueSize: number, workers: number): void {
  if ((lane.waiting.get(level) ?? 0) < maxQueueSize) return;
  const { model, version } = lane.manifest;
  throw new GatewayError(
    'UNAVAILABLE',
    `Exceeds maximum queue size: ${maxQueueSize} requests wait for model ${quote(model)} version ${version}${level > 0 ? ` at priority ${level}` : ''}`,
    { reason: 'queue_full', retryAfterMs: untilRun(lane, workers) },
  );
}

function untilRun(lane: Lane, workers: number): number {
  const { queuedCost, maxCost } = lane;
  return retryAfterMs({ queuedCost, maxCost, fullBatchMs: lane.latency.estimateMs(maxCost), workers });
}
