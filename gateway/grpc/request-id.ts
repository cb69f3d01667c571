import { WireReader } from './wire-reader.js';

/**
 * The id of a ModelInferRequest that could be parsed but not understood, so that its client can tell which one it was.
 * Throws INTERNAL when it cannot be parsed after all.
 */
export function readRequestId(body: Uint8Array): string {
  const reader = new WireReader(body);
  let id = '';
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x1a) id = reader.string();
    else reader.skipUnknown(tag, 0);
  }
  return id;
}
