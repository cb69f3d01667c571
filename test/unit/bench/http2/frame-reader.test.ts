import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, type FrameSink } from '../../../../bench/http2/frame-reader.js';
import {
  FLAG,
  FRAME,
  frame,
  numberFrame,
  readUint32,
  settingsFrame,
  writeUint32,
} from '../../../../gateway/http2/frames.js';

/** Writes down what a reader says; pieces of DATA joined. */
class Log implements FrameSink {
  readonly lines: string[] = [];
  #data = '';

  onHeaders(stream: number, endStream: boolean, bytes: Buffer, from: number, to: number): void {
    this.lines.push(`headers ${stream} ${bytes.toString('latin1', from, to)}${endStream ? ' end' : ''}`);
  }
  onData(_: number, bytes: Buffer, from: number, to: number): void {
    this.#data += bytes.toString('latin1', from, to);
  }
  onDataEnd(stream: number, flowBytes: number, endStream: boolean): void {
    this.lines.push(`data ${stream} ${this.#data} (${flowBytes})${endStream ? ' end' : ''}`);
    this.#data = '';
  }
  onReset(stream: number, errorCode: number): void {
    this.lines.push(`reset ${stream} ${errorCode}`);
  }
  onSettings(settings: readonly (readonly [number, number])[]): void {
    this.lines.push(`settings ${JSON.stringify(settings)}`);
  }
  onPing(payload: Buffer): void {
    this.lines.push(`ping ${payload.toString('latin1')}`);
  }
  onGoaway(lastStream: number, errorCode: number, debug: string): void {
    this.lines.push(`goaway ${lastStream} ${errorCode} ${debug}`);
  }
  onWindowUpdate(stream: number, bytes: number): void {
    this.lines.push(`window ${stream} ${bytes}`);
  }
}

function read(bytes: Buffer, cuts: readonly number[] = []): string[] {
  const log = new Log();
  const reader = new FrameReader(log);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    // As the socket does it: the same memory for every read, with the old bytes behind the new ones.
    const memory = Buffer.alloc(bytes.length + 1, 0x55);
    bytes.copy(memory, 0, from, cut);
    reader.push(memory, cut - from);
    memory.fill(0x77);
    from = cut;
  }
  return log.lines;
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const goaway = Buffer.concat([Buffer.from([0, 0, 0, 7, 0, 0, 0, 11]), text('calm')]);

const EVERYTHING = Buffer.concat([
  settingsFrame([
    [3, 100],
    [4, 2 ** 31 - 1],
  ]),
  frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)),
  frame(FRAME.headers, FLAG.endHeaders, 1, text('abc')),
  frame(FRAME.data, 0, 1, text('hello')),
  frame(FRAME.data, FLAG.padded, 1, Buffer.from([2, 0x61, 0x62, 0, 0])),
  frame(FRAME.data, FLAG.endStream, 1, Buffer.alloc(0)),
  frame(
    FRAME.headers,
    FLAG.padded | FLAG.priority | FLAG.endHeaders,
    3,
    Buffer.from([1, 0, 0, 0, 0, 9, 0x78, 0]),
  ),
  frame(FRAME.headers, FLAG.endStream, 5, text('a')),
  frame(FRAME.continuation, 0, 5, text('b')),
  frame(FRAME.continuation, FLAG.endHeaders, 5, text('c')),
  frame(FRAME.ping, 0, 0, text('12345678')),
  frame(FRAME.ping, FLAG.ack, 0, text('12345678')),
  numberFrame(FRAME.rstStream, 7, 8),
  numberFrame(FRAME.windowUpdate, 0, 2 ** 31 - 1),
  frame(FRAME.priority, 0, 9, Buffer.alloc(5)),
  frame(0x99, 0, 0, text('an extension')),
  frame(FRAME.goaway, 0, 0, goaway),
]);

const SAID = [
  'settings [[3,100],[4,2147483647]]',
  'headers 1 abc',
  'data 1 hello (5)',
  'data 1 ab (5)',
  'data 1  (0) end',
  'headers 3 x',
  'headers 5 abc end',
  'ping 12345678',
  'reset 7 8',
  'window 0 2147483647',
  'goaway 7 11 calm',
];

test('says what every kind of frame holds', () => {
  assert.deepEqual(read(EVERYTHING), SAID);
});

test('says the same however the bytes are cut into reads', () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 0, max: EVERYTHING.length }), { maxLength: 40 });
  fc.assert(
    fc.property(cuts, (at) => {
      assert.deepEqual(
        read(
          EVERYTHING,
          at.sort((a, b) => a - b),
        ),
        SAID,
      );
    }),
  );
  assert.deepEqual(read(EVERYTHING, [...EVERYTHING.keys()]), SAID, 'byte by byte');
});

const BROKEN: readonly (readonly [why: string, bytes: Buffer, message: RegExp])[] = [
  ['a frame over the limit', frame(FRAME.ping, 0, 0, Buffer.alloc(16_385)), /16385 bytes/],
  ['more padding than frame', frame(FRAME.data, FLAG.padded, 1, Buffer.from([3, 0])), /padding/],
  ['a push', frame(FRAME.pushPromise, 0, 1, Buffer.alloc(8)), /push/],
  ['half a setting', frame(FRAME.settings, 0, 0, Buffer.alloc(5)), /SETTINGS/],
  ['a reset of 3 bytes', frame(FRAME.rstStream, 0, 1, Buffer.alloc(3)), /3 bytes/],
  ['a lonely CONTINUATION', frame(FRAME.continuation, 4, 1, Buffer.alloc(1)), /continues nothing/],
  [
    'a frame inside a header block',
    Buffer.concat([frame(FRAME.headers, 0, 1, text('a')), frame(FRAME.ping, 0, 0, Buffer.alloc(8))]),
    /interrupted/,
  ],
  [
    'a header block without an end',
    Buffer.concat([
      frame(FRAME.headers, 0, 1, text('a')),
      ...Array.from({ length: 20 }, () => frame(FRAME.continuation, 0, 1, Buffer.alloc(16_384))),
    ]),
    /header block of more than/,
  ],
];

for (const [why, bytes, message] of BROKEN) {
  test(`throws at ${why}`, () => {
    assert.throws(() => read(bytes), message);
  });
}

test('a stopped reader says nothing more', () => {
  const log = new Log();
  const reader = new FrameReader(log);
  reader.stop();
  reader.push(EVERYTHING, EVERYTHING.length);
  assert.deepEqual(log.lines, []);
});

test('numbers of 32 bits survive, the largest too', () => {
  const bytes = Buffer.alloc(4);
  for (const value of [0, 1, 255, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    writeUint32(bytes, 0, value);
    assert.equal(readUint32(bytes, 0), value);
    assert.equal(bytes.readUInt32BE(0), value);
  }
});
