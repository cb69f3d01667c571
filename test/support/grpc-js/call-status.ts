import { Metadata } from '@grpc/grpc-js';
import type { GatewayError } from '../../../gateway/core/error.js';
import { toCallEnd } from '../../../gateway/grpc/status.js';

/** A call's end as grpc-js wants it. */
export interface CallStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** A GatewayError as grpc-js says it. */
export function toCallStatus(error: GatewayError): CallStatus {
  const { code, message, trailers } = toCallEnd(error);
  const metadata = new Metadata();
  for (const [name, value] of trailers) metadata.set(name, value);
  return { code, details: message, metadata };
}
