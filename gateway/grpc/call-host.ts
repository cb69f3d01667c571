import type { Clock } from '../core/clock.js';
import type { DeadlineWheel } from '../core/deadline.js';
import { GatewayError } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Recorder } from '../core/recorder.js';

/** What the transport lends to each of its calls. */
export interface CallHost {
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  readonly logger: Logger;
  readonly recorder: Pick<Recorder, 'dropped'> | undefined;
  readonly maxDeadlineMs: number;
}

/**
 * How long after its deadline a call is answered by the transport. The layers within see the deadline first, and their
 * answer says more; this one is for a handler that does not keep it.
 */
export const DEADLINE_GRACE_MS = 10;

/** What a handler threw, as an error for the client; what nobody meant to throw is logged with its cause. */
export function handlerError(thrown: unknown, path: string, logger: Logger): GatewayError {
  const error = GatewayError.from(thrown);
  if (error !== thrown) logger.error({ err: thrown, path }, 'a handler failed: a bug, please report it');
  return error;
}

export function deadlineError(): GatewayError {
  return new GatewayError('DEADLINE_EXCEEDED', 'the deadline passed before there was an answer', {
    reason: 'deadline_passed',
  });
}

/** Bytes as a Buffer, which is a Message, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
