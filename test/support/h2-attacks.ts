import { FLAG, FRAME, frame, numberFrame, settingsFrame } from '../../gateway/http2/frames.js';
import { encodeInteger } from '../../gateway/http2/hpack-encode.js';
import { INFER, LIVE, WAIT_REQUEST } from './attacked-server.js';
import { openCall, requestHeaders } from './raw-h2.js';

const NOTHING = Buffer.alloc(0);
const CANCEL = 8;

/** A literal header field without Huffman code, of any bytes whatever. */
export function literal(name: string, value: string | Buffer, firstByte = 0): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  return Buffer.concat([
    Buffer.from([firstByte, ...encodeInteger(name.length, 7, 0)]),
    Buffer.from(name, 'latin1'),
    Buffer.from(encodeInteger(bytes.length, 7, 0)),
    bytes,
  ]);
}

/** A whole call with these bytes of headers behind the usual ones. */
export function callWith(...more: readonly Buffer[]): Buffer {
  const block = Buffer.concat([requestHeaders(LIVE), ...more]);
  return frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block);
}

function times(count: number, make: (i: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
}

/** Calls of a model that takes a while, each followed by what makes it end before its answer. */
const doomed = (count: number, ending: (stream: number) => Buffer): Buffer =>
  times(count, (i) => {
    const stream = 2 * i + 1;
    const request = frame(FRAME.data, FLAG.endStream, stream, WAIT_REQUEST);
    return Buffer.concat([openCall(stream, INFER), request, ending(stream)]);
  });

export const rapidReset = (count: number): Buffer =>
  doomed(count, (stream) => numberFrame(FRAME.rstStream, stream, CANCEL));

/** The client breaks a rule on each stream, so that it is the server that resets it. */
export const madeYouReset = (count: number): Buffer =>
  doomed(count, (stream) => numberFrame(FRAME.windowUpdate, stream, 0));

/** Header blocks that never end. */
export const continuations = (count: number, bytesEach: number): Buffer => {
  const piece = bytesEach === 0 ? NOTHING : literal('a', Buffer.alloc(bytesEach, 'b'));
  return Buffer.concat([
    frame(FRAME.headers, 0, 1, requestHeaders(LIVE)),
    times(count, () => frame(FRAME.continuation, 0, 1, piece)),
  ]);
};

/** Frames that cost a sender nothing and make a server do something; by name. */
export const FLOODS: Readonly<Record<string, (count: number) => Buffer>> = {
  PING: (count) => times(count, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))),
  'PING answers that nobody asked for': (count) =>
    times(count, () => frame(FRAME.ping, FLAG.ack, 0, Buffer.alloc(8))),
  SETTINGS: (count) => times(count, () => settingsFrame([])),
  PRIORITY: (count) => times(count, () => frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))),
  WINDOW_UPDATE: (count) => times(count, () => numberFrame(FRAME.windowUpdate, 0, 1)),
  'frames of an unknown type': (count) => times(count, () => frame(0x55, 0, 0, NOTHING)),
  'empty DATA': (count) =>
    Buffer.concat([openCall(1, LIVE), times(count, () => frame(FRAME.data, 0, 1, NOTHING))]),
  'DATA of one byte': (count) =>
    Buffer.concat([openCall(1, LIVE), times(count, () => frame(FRAME.data, 0, 1, Buffer.alloc(1)))]),
};

/** Header blocks that break HPACK or HTTP/2's rules for fields; by name. */
export const BAD_HEADERS: Readonly<Record<string, Buffer>> = {
  'an index that is not in the table': frame(FRAME.headers, 5, 1, Buffer.from([0xff, 0xff, 0x7f])),
  'a table size of 256 MB': frame(FRAME.headers, 5, 1, Buffer.from([0x3f, 0xe1, 0xff, 0xff, 0x7f])),
  'a string that is longer than its block': frame(FRAME.headers, 5, 1, Buffer.from([0, 1, 0x61, 0x7f, 0xff])),
  'an upper-case name': callWith(literal('X-Upper', 'a')),
  'a pseudo-header behind the others': callWith(literal(':path', '/x')),
  'a header of HTTP/1 connections': callWith(literal('connection', 'close')),
};

/** A header list of 70 KB in several frames. */
function longHeaders(): Buffer {
  const block = Buffer.concat([
    requestHeaders(LIVE),
    ...Array.from({ length: 70 }, (_, i) => literal(`x-${i}`, Buffer.alloc(1000, 'a'))),
  ]);
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += 16_384) {
    const type = at === 0 ? FRAME.headers : FRAME.continuation;
    const end = at + 16_384 >= block.length ? FLAG.endHeaders : 0;
    frames.push(frame(type, at === 0 ? FLAG.endStream | end : end, 1, block.subarray(at, at + 16_384)));
  }
  return Buffer.concat(frames);
}

/** Header lists that are larger than any client needs; by name. */
export const LARGE_HEADERS: Readonly<Record<string, Buffer>> = {
  'five hundred fields': callWith(...Array.from({ length: 500 }, (_, i) => literal(`x-${i}`, 'v'))),
  'one entry of the table, 12000 times': callWith(
    literal('a', Buffer.alloc(4000, 'b'), 0x40),
    Buffer.alloc(12_000, 0x80 | 62),
  ),
  'seventy fields of a kilobyte': longHeaders(),
};

/** Frames that break the rules of framing and of streams; by name. */
export const BAD_FRAMES: Readonly<Record<string, Buffer>> = {
  'a frame over 16 KiB': frame(FRAME.data, 0, 1, Buffer.alloc(16_385)),
  'a PING of 100 bytes': frame(FRAME.ping, 0, 0, Buffer.alloc(100)),
  'DATA on an idle stream': frame(FRAME.data, FLAG.endStream, 1, Buffer.from('hi')),
  'RST_STREAM on an idle stream': numberFrame(FRAME.rstStream, 7, CANCEL),
  'HEADERS on an even stream': openCall(2, LIVE),
  'HEADERS on stream 0': openCall(0, LIVE),
  'DATA on stream 0': frame(FRAME.data, 0, 0, Buffer.from('hi')),
  'CONTINUATION without HEADERS': frame(FRAME.continuation, FLAG.endHeaders, 1, NOTHING),
  'PUSH_PROMISE from a client': frame(
    FRAME.pushPromise,
    FLAG.endHeaders,
    1,
    Buffer.concat([Buffer.from([0, 0, 0, 2]), requestHeaders(LIVE)]),
  ),
  'a window of 2^31': settingsFrame([[4, 0x8000_0000]]),
  'frames of at most one byte': settingsFrame([[5, 1]]),
  'WINDOW_UPDATE by 0': numberFrame(FRAME.windowUpdate, 0, 0),
  'WINDOW_UPDATE beyond 2^31': numberFrame(FRAME.windowUpdate, 0, 0x7fff_ffff),
};

/** Some of a session's frames, well made or broken, as a seed has it. */
export function randomSession(seed: number): Buffer {
  const random = generator(seed);
  const below = (n: number): number => random() % n;
  const bytes = (n: number): Buffer => Buffer.from(Array.from({ length: below(n) }, () => below(256)));
  const frames = Array.from({ length: 1 + below(12) }, () => {
    const stream = below(8);
    switch (below(6)) {
      case 0:
        return openCall(stream, below(2) === 0 ? LIVE : INFER);
      case 1:
        return frame(FRAME.data, below(2), stream, below(2) === 0 ? Buffer.alloc(5) : bytes(64));
      case 2:
        return frame(FRAME.headers, below(256), stream, bytes(64));
      case 3:
        return numberFrame(below(2) === 0 ? FRAME.windowUpdate : FRAME.rstStream, stream, random());
      case 4:
        return bytes(64);
      default:
        return frame(below(16), below(256), stream, bytes(64));
    }
  });
  return Buffer.concat(frames);
}

/** Unsigned 32-bit numbers that a seed gives (xorshift). */
function generator(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
