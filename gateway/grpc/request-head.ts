import { readGrpcTimeout } from '../core/grpc-timeout.js';
import type { RequestLine } from '../http2/header-fields.js';

/** What the headers of a gRPC call say, besides its own metadata. */
export interface RequestHead {
  /** Infinity where the client set no limit. */
  readonly timeoutMs: number;
  /** Of compressed messages. */
  readonly encoding: string;
  /** Its client wants to be told the call's timeline. */
  readonly debug: boolean;
}

/** What is wrong with a request before its message is looked at. */
export type HeadFault =
  /** No gRPC at all: answered in HTTP's terms. */
  | { readonly kind: 'http'; readonly status: 405 | 415 }
  /** No gRPC client leaves this out: some proxy on the way drops trailers. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'timeout'; readonly value: string }
  | { readonly kind: 'base64'; readonly name: string }
  | { readonly kind: 'encoding'; readonly value: string };

/** Encodings of messages that are understood. */
export const ENCODINGS: readonly string[] = ['identity', 'gzip', 'deflate'];

/**
 * Reads a call's headers as gRPC wants them (doc/PROTOCOL-HTTP2.md of github.com/grpc/grpc): POST, `application/grpc` with or
 * without `+proto`, `te: trailers`, at most 8 digits of `grpc-timeout`. FAULTS B19-B21, B27, B33, B37.
 */
export function readHead({ method }: RequestLine, fields: readonly string[]): RequestHead | HeadFault {
  let contentType: string | undefined;
  let te = false;
  let timeout: string | undefined;
  let encoding = 'identity';
  let debug = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name === 'content-type') contentType = fields[i + 1];
    else if (name === 'te') te = true;
    else if (name === 'grpc-timeout') timeout = fields[i + 1];
    else if (name === 'grpc-encoding') encoding = fields[i + 1] as string;
    else if (name === 'sluice-debug') debug = fields[i + 1] === '1';
    else if (name.endsWith('-bin') && !isBase64(fields[i + 1] as string)) return { kind: 'base64', name };
  }
  if (method !== 'POST') return { kind: 'http', status: 405 };
  if (contentType === undefined || !isGrpc(contentType)) return { kind: 'http', status: 415 };
  if (!te) return { kind: 'reset' };
  const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : readGrpcTimeout(timeout);
  if (timeoutMs === undefined) return { kind: 'timeout', value: timeout as string };
  if (!ENCODINGS.includes(encoding)) return { kind: 'encoding', value: encoding };
  return { timeoutMs, encoding, debug };
}

/** A header's value; undefined where it is absent, and where it is given twice: which one would be meant? */
export function onlyValue(fields: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) continue;
    if (found !== undefined) return undefined;
    found = fields[i + 1];
  }
  return found;
}

function isGrpc(contentType: string): boolean {
  return contentType === 'application/grpc' || /^application\/grpc(?:\+proto)?(?:\s*;|$)/.test(contentType);
}

/** Base64 with or without padding; several values are joined by commas. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]*={0,2}(?:,\s*[A-Za-z0-9+/]*={0,2})*$/.test(text);
}
