import { STATUSES } from './grpc-status.js';
import { decodeHeaders } from './hpack-decode.js';

/** What matters to a gRPC caller of one header block, be it headers or trailers. */
export interface AnswerHeaders {
  /** `:status`; 0 in trailers. */
  readonly httpStatus: number;
  /** `grpc-status`; -1 when the block has none. */
  readonly grpcStatus: number;
  /** `grpc-message`, percent-decoded; '' when there is none. */
  readonly message: string;
}

/** Different blocks kept; a server that writes a new one into every answer empties the cache now and then. */
const MAX_KEPT = 512;

/**
 * Header blocks by their bytes. Since the peer keeps no table, equal bytes mean equal headers, and a server under load
 * says the same few things again and again: the usual block costs one look-up.
 */
export class AnswerHeadersCache {
  readonly #known = new Map<string, AnswerHeaders>();

  /** @throws Error when the block cannot be decoded. */
  get(bytes: Buffer, from: number, to: number): AnswerHeaders {
    const key = bytes.toString('latin1', from, to);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const read = readAnswerHeaders(bytes, from, to);
    if (this.#known.size >= MAX_KEPT) this.#known.clear();
    this.#known.set(key, read);
    return read;
  }
}

function readAnswerHeaders(bytes: Buffer, from: number, to: number): AnswerHeaders {
  let httpStatus = 0;
  let grpcStatus = -1;
  let message = '';
  for (const [name, value] of decodeHeaders(bytes, from, to)) {
    if (name === ':status') httpStatus = Number(value);
    else if (name === 'grpc-status') grpcStatus = readStatus(value);
    else if (name === 'grpc-message') message = percentDecode(value);
  }
  return { httpStatus, grpcStatus, message };
}

/** A status that is no number of gRPC's is UNKNOWN (2), as callers treat it. */
function readStatus(value: string): number {
  return /^\d{1,2}$/.test(value) && Number(value) < STATUSES - 1 ? Number(value) : 2;
}

/** `grpc-message` is UTF-8 with percent signs; a sequence that is none stays as it is. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
