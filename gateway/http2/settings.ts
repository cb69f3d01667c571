import { ConnectionError } from './errors.js';
import { FLAG, H2_ERROR, MAX_WINDOW_BYTES, readUint32, SETTING } from './frames.js';

const SETTING_BYTES = 6;
const MIN_FRAME_BYTES = 16_384;
const MAX_FRAME_BYTES = 2 ** 24 - 1;

/** What matters to a server of its peer's settings. */
export interface PeerSettings {
  readonly initialWindowBytes: number | undefined;
}

/** Reads a SETTINGS frame (RFC 9113, section 6.5); undefined for an acknowledgement. Throws a ConnectionError. */
export function readPeerSettings(
  flags: number,
  stream: number,
  bytes: Buffer,
  start: number,
  end: number,
): PeerSettings | undefined {
  if (stream !== 0) throw new ConnectionError(H2_ERROR.protocolError, 'SETTINGS on a stream');
  const ack = (flags & FLAG.ack) !== 0;
  if (ack ? end !== start : (end - start) % SETTING_BYTES !== 0)
    throw new ConnectionError(H2_ERROR.frameSizeError, `SETTINGS of ${end - start} bytes`);
  if (ack) return undefined;
  let initialWindowBytes: number | undefined;
  for (let at = start; at < end; at += SETTING_BYTES) {
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const value = readUint32(bytes, at + 2);
    if (id === SETTING.initialWindowSize) {
      if (value > MAX_WINDOW_BYTES)
        throw new ConnectionError(H2_ERROR.flowControlError, `an initial window of ${value} bytes`);
      initialWindowBytes = value;
    } else if (id === SETTING.enablePush && value > 1) {
      throw new ConnectionError(H2_ERROR.protocolError, `ENABLE_PUSH is ${value}, wanted 0 or 1`);
    } else if (id === SETTING.maxFrameSize && (value < MIN_FRAME_BYTES || value > MAX_FRAME_BYTES)) {
      throw new ConnectionError(H2_ERROR.protocolError, `a largest frame of ${value} bytes`);
    }
  }
  return { initialWindowBytes };
}
