import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrame, FRAME_LIMITS, FrameError, FrameReader } from '../../../worker/frames.js';
import type { FromWorker, ToWorker, WireTensor } from '../../../worker/protocol.js';

type Message = ToWorker | FromWorker;

const tensor: fc.Arbitrary<WireTensor> = fc.record(
  {
    name: fc.string({ unit: 'binary' }),
    datatype: fc.constantFrom('FP32', 'BYTES'),
    shape: fc.array(fc.nat(), { maxLength: 4 }),
    data: fc.uint8Array({ maxLength: 70 }).map((bytes) => new Uint8Array(bytes)),
  },
  { noNullPrototype: true },
);
const tensors = fc.array(tensor, { maxLength: 4 });
const message: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(fc.nat(), fc.string(), tensors, fc.array(fc.string(), { maxLength: 3 }))
    .map(([id, key, inputs, outputs]): Message => ({ kind: 'run', id, key, inputs, outputs })),
  fc
    .tuple(fc.nat(), tensors, fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }))
    .map(
      ([id, outputs, at]): Message => ({ kind: 'result', id, outputs, startedAt: at + 0, endedAt: at + 0 }),
    ),
  fc.nat().map((id): Message => ({ kind: 'done', id })),
  fc.constant<Message>({ kind: 'ready' }),
);

function readAll(chunks: readonly Uint8Array[], limits = FRAME_LIMITS): unknown[] {
  const seen: unknown[] = [];
  const reader = new FrameReader((one) => seen.push(one), limits);
  for (const chunk of chunks) {
    const reused = Uint8Array.from(chunk);
    reader.push(reused);
    // A socket writes over it.
    reused.fill(0xee);
  }
  return seen;
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const cut of cuts) {
    chunks.push(bytes.subarray(at, at + cut));
    at = Math.min(bytes.length, at + cut);
  }
  return [...chunks, bytes.subarray(at)];
}

const bytesOf = (...messages: readonly Message[]): Buffer =>
  Buffer.concat(messages.flatMap((one) => encodeFrame(one)));

test('messages come out as they went in, each tensor in a buffer of its own, wherever the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.nat(40)), (sent, cuts) => {
      const seen = readAll(cutAt(bytesOf(...sent), cuts)) as Message[];
      assert.deepEqual(seen, sent);
      for (const one of seen) {
        const got = one.kind === 'run' ? one.inputs : one.kind === 'result' ? one.outputs : [];
        for (const { data } of got) assert.equal(data.byteLength, data.buffer.byteLength);
      }
    }),
  );
});

test('tensors are not copied when they are written', () => {
  const data = new Uint8Array(1000);
  const pieces = encodeFrame({
    kind: 'run',
    id: 1,
    key: 'm/1',
    outputs: [],
    inputs: [{ name: 'X', datatype: 'UINT8', shape: [1000], data }],
  });
  assert.equal(pieces[1], data);
});

test('a stream that ends within a frame gives what was whole before', () => {
  const bytes = bytesOf({ kind: 'done', id: 1 }, { kind: 'done', id: 2 });
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), (end) => {
      const seen = readAll([bytes.subarray(0, end)]);
      assert.equal(seen.length, end < bytes.length / 2 ? 0 : 1);
    }),
  );
});

test('any bytes at all are messages or a FrameError', () => {
  const start = bytesOf({ kind: 'run', id: 1, key: 'm/1', inputs: [], outputs: ['Y'] });
  const spoilt = fc
    .array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 6 })
    .map((changes) => {
      const bytes = Buffer.from(start);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes as Uint8Array;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), spoilt), (bytes) => {
      try {
        readAll([bytes]);
      } catch (error) {
        assert.ok(error instanceof FrameError, String(error));
      }
    }),
  );
});

function head(metadataBytes: number, sizes: readonly number[], count = sizes.length): Buffer {
  const bytes = Buffer.alloc(12 + 4 * sizes.length);
  bytes.write('SLF1');
  bytes.writeUInt32LE(metadataBytes, 4);
  bytes.writeUInt32LE(count, 8);
  for (const [i, size] of sizes.entries()) bytes.writeUInt32LE(size, 12 + 4 * i);
  return bytes;
}

test('sizes over the limits are refused as soon as they are read, before memory is taken', () => {
  const limits = { metadataBytes: 100, tensors: 2, tensorBytes: 1000 };
  const meta = Buffer.from('{"kind":"result","outputs":[{},{}]}');
  const rows: readonly [Buffer, RegExp][] = [
    [Buffer.from('HTTP/1.1 200'), /no frame/],
    [head(101, []), /101 bytes of metadata, wanted at most 100/],
    [head(2 ** 32 - 1, []), /4294967295 bytes of metadata/],
    [head(2, [], 3), /3 tensors, wanted at most 2/],
    [head(2, [], 2 ** 32 - 1), /4294967295 tensors/],
    [Buffer.concat([head(meta.length, [600, 401]), meta]), /1001 bytes of tensors, wanted at most 1000/],
    [Buffer.concat([head(meta.length, [2 ** 32 - 1, 2 ** 32 - 1]), meta]), /8589934590 bytes of tensors/],
  ];
  for (const [bytes, message] of rows) {
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(
      () => readAll([bytes], limits),
      (error: Error) => error instanceof FrameError && message.test(error.message),
      String(message),
    );
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000, String(message));
  }
});

test('metadata that is no message, or that does not fit its tensors, is refused', () => {
  const frame = (metadata: string, ...data: readonly string[]) =>
    Buffer.concat([
      head(
        Buffer.byteLength(metadata),
        data.map(({ length }) => length),
      ),
      Buffer.from(metadata + data.join('')),
    ]);
  const rows: readonly [Buffer, RegExp][] = [
    [frame(''), /no JSON/],
    [frame('{"kind"'), /no JSON/],
    [frame('null'), /no message/],
    [frame('[]'), /no message/],
    [frame('{"kind":"done","id":1}', 'x'), /data of 1 tensors, but/],
    [frame('{"kind":"result","id":1,"outputs":[]}', 'x'), /data of 1 tensors, but/],
    [frame('{"kind":"result","id":1}'), /data of 0 tensors, but/],
    [frame('{"kind":"result","outputs":[null]}', 'x'), /no name, datatype or shape/],
    [
      frame('{"kind":"result","outputs":[{"name":"Y","datatype":"FP32","shape":[-1]}]}', 'x'),
      /no name, datatype/,
    ],
    [
      frame('{"kind":"run","inputs":[{"name":"Y","datatype":"FP32","shape":[1.5]}]}', 'x'),
      /no name, datatype/,
    ],
  ];
  for (const [bytes, message] of rows)
    assert.throws(
      () => readAll([bytes]),
      (error: Error) => error instanceof FrameError && message.test(error.message),
      String(message),
    );
});

test('what is too large to be written is refused, too', () => {
  const data = new Uint8Array(11);
  const run: Message = {
    kind: 'run',
    id: 1,
    key: 'm/1',
    outputs: [],
    inputs: [{ name: 'X', datatype: 'UINT8', shape: [11], data }],
  };
  assert.throws(() => encodeFrame(run, { ...FRAME_LIMITS, tensorBytes: 10 }), FrameError);
  assert.throws(() => encodeFrame(run, { ...FRAME_LIMITS, metadataBytes: 10 }), FrameError);
  assert.throws(() => encodeFrame(run, { ...FRAME_LIMITS, tensors: 0 }), FrameError);
});
