/** HTTP/2 framing (RFC 9113, sections 4 and 6): the numbers, and frames written into buffers. */

export const FRAME_HEADER_BYTES = 9;
/** The smallest limit a peer may set, and the default of both sides. */
export const DEFAULT_MAX_FRAME_BYTES = 16_384;
/** What both sides may send before the first WINDOW_UPDATE, per stream and per connection. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;
export const MAX_STREAM_ID = 2 ** 31 - 1;

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const H2_ERROR = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
} as const;

/** Writes the 9 bytes that begin every frame; returns the offset behind them. */
export function writeFrameHeader(
  out: Buffer,
  at: number,
  payloadBytes: number,
  type: number,
  flags: number,
  stream: number,
): number {
  out[at] = payloadBytes >>> 16;
  out[at + 1] = payloadBytes >>> 8;
  out[at + 2] = payloadBytes;
  out[at + 3] = type;
  out[at + 4] = flags;
  return writeUint32(out, at + 5, stream);
}

/** Big-endian; returns the offset behind it. Plain stores: Buffer's own method checks more than the hot path needs. */
export function writeUint32(out: Buffer, at: number, value: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

/** Big-endian, unsigned. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** A whole frame in a buffer of its own. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  out.set(payload, writeFrameHeader(out, 0, payload.length, type, flags, stream));
  return out;
}

/** A frame whose payload is one 32-bit number: WINDOW_UPDATE, RST_STREAM. */
export function numberFrame(type: number, stream: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  writeUint32(payload, 0, value);
  return frame(type, 0, stream, payload);
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(6 * settings.length);
  let at = 0;
  for (const [id, value] of settings) {
    payload[at] = id >>> 8;
    payload[at + 1] = id;
    at = writeUint32(payload, at + 2, value);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

/** What every client says first. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
