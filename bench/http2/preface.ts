import {
  DEFAULT_WINDOW_BYTES,
  FRAME,
  MAX_WINDOW_BYTES,
  numberFrame,
  PREFACE,
  SETTING,
  settingsFrame,
} from '../../gateway/http2/frames.js';

/**
 * What a client says first. The windows are as large as they can be, so that the generator never holds a server's
 * answers back; a header table of size 0 makes every answer's header block mean the same whatever came before it.
 */
export function clientPreface(): Buffer {
  return Buffer.concat([
    PREFACE,
    settingsFrame([
      [SETTING.headerTableSize, 0],
      [SETTING.enablePush, 0],
      [SETTING.initialWindowSize, MAX_WINDOW_BYTES],
    ]),
    numberFrame(FRAME.windowUpdate, 0, MAX_WINDOW_BYTES - DEFAULT_WINDOW_BYTES),
  ]);
}
