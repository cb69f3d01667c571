import type { FromWorker, ToWorker, WireTensor } from './protocol.js';

/**
 * The messages of protocol.ts as frames on a stream of bytes, for workers that are processes. A frame is, in little-endian:
 *
 *     magic            4 bytes
 *     metadata size    4 bytes
 *     tensor count     4 bytes
 *     tensor sizes     4 bytes each
 *     metadata         JSON: the message, its tensors without their data
 *     tensors          their bytes, one after the other
 *
 * Pure: no stream in here. Everything is bounded before memory is taken for it.
 */

/** Limits of what is read and written; sizes in bytes. */
export interface FrameLimits {
  readonly metadataBytes: number;
  readonly tensors: number;
  /** Of all tensors of a frame together. */
  readonly tensorBytes: number;
}

export const FRAME_LIMITS: FrameLimits = {
  metadataBytes: 16 * 1024 * 1024,
  tensors: 65_536,
  tensorBytes: 2 ** 31,
};

/** What was read is no frame, or what was to be written is too large for one. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

type Message = ToWorker | FromWorker;

const MAGIC = 0x31464c53; // 'SLF1'
const HEAD_BYTES = 12;

/** A message as pieces to be written one after the other. The tensors are not copied: they are pieces. Throws a FrameError. */
export function encodeFrame(message: Message, limits: FrameLimits = FRAME_LIMITS): Uint8Array[] {
  const tensors = message.kind === 'run' ? message.inputs : message.kind === 'result' ? message.outputs : [];
  const metadata = Buffer.from(JSON.stringify(withoutData(message)));
  const sizes = tensors.map(({ data }) => data.byteLength);
  checkSizes(metadata.byteLength, sizes.length, limits);
  checkTensors(sizes, limits);
  const front = Buffer.allocUnsafe(HEAD_BYTES + 4 * sizes.length + metadata.byteLength);
  front.writeUInt32LE(MAGIC, 0);
  front.writeUInt32LE(metadata.byteLength, 4);
  front.writeUInt32LE(sizes.length, 8);
  for (const [i, size] of sizes.entries()) front.writeUInt32LE(size, HEAD_BYTES + 4 * i);
  front.set(metadata, HEAD_BYTES + 4 * sizes.length);
  return [front, ...tensors.map(({ data }) => data).filter(({ byteLength }) => byteLength > 0)];
}

function withoutData(message: Message): unknown {
  const bare = ({ name, datatype, shape }: WireTensor) => ({ name, datatype, shape });
  if (message.kind === 'run') return { ...message, inputs: message.inputs.map(bare) };
  if (message.kind === 'result') return { ...message, outputs: message.outputs.map(bare) };
  return message;
}

/**
 * Reads frames from a stream, however it is cut. Each tensor is copied once, from the stream's chunk into a buffer of its own, which
 * `WireTensor` promises. After a FrameError nothing more can be read: where the next frame begins is not known.
 */
export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #onMessage: (message: unknown) => void;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  /** What the stream's next bytes belong to, and how many of them are there. */
  #target: Uint8Array = this.#head;
  #filled = 0;
  /** Sizes and metadata; undefined while the head is read. */
  #front: Buffer | undefined;
  #metadata: Record<string, unknown> | undefined;
  #sizes: number[] = [];
  #tensors: Uint8Array<ArrayBuffer>[] = [];

  /** @param onMessage is given what has the form of a message; what it holds is for its taker to check */
  constructor(onMessage: (message: unknown) => void, limits: FrameLimits = FRAME_LIMITS) {
    this.#onMessage = onMessage;
    this.#limits = limits;
  }

  /** Reads on. The chunk can be reused after. Throws a FrameError; what the listener throws goes through. */
  push(chunk: Uint8Array): void {
    let at = 0;
    do {
      const count = Math.min(chunk.byteLength - at, this.#target.byteLength - this.#filled);
      this.#target.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      // Also what has no bytes is full.
      while (this.#filled === this.#target.byteLength) this.#onFull();
    } while (at < chunk.byteLength);
  }

  #onFull(): void {
    if (this.#front === undefined) {
      this.#onHead();
      return;
    }
    if (this.#metadata === undefined) this.#onFront(this.#front);
    else this.#tensors.push(this.#target as Uint8Array<ArrayBuffer>);
    const size = this.#sizes[this.#tensors.length];
    if (size !== undefined) this.#fill(ownBytes(size));
    else this.#onFrame();
  }

  #onHead(): void {
    const head = this.#head;
    if (head.readUInt32LE(0) !== MAGIC) throw new FrameError('what came is no frame');
    const metadataBytes = head.readUInt32LE(4);
    const count = head.readUInt32LE(8);
    checkSizes(metadataBytes, count, this.#limits);
    this.#front = Buffer.allocUnsafeSlow(4 * count + metadataBytes);
    this.#sizes = new Array<number>(count);
    this.#fill(this.#front);
  }

  #onFront(front: Buffer): void {
    const sizes = this.#sizes;
    for (let i = 0; i < sizes.length; i++) sizes[i] = front.readUInt32LE(4 * i);
    checkTensors(sizes, this.#limits);
    this.#metadata = parse(front.subarray(4 * sizes.length));
  }

  #onFrame(): void {
    const message = withData(this.#metadata as Record<string, unknown>, this.#tensors);
    this.#front = undefined;
    this.#metadata = undefined;
    this.#tensors = [];
    this.#fill(this.#head);
    this.#onMessage(message);
  }

  #fill(target: Uint8Array): void {
    this.#target = target;
    this.#filled = 0;
  }
}

/** Not cleared first: it is handed on only when all of it is written. */
function ownBytes(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

function parse(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new FrameError('the metadata of a frame is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FrameError('the metadata of a frame is no message');
  return value as Record<string, unknown>;
}

function withData(message: Record<string, unknown>, data: readonly Uint8Array<ArrayBuffer>[]): unknown {
  const field = message['kind'] === 'run' ? 'inputs' : message['kind'] === 'result' ? 'outputs' : undefined;
  const tensors: unknown = field === undefined ? [] : message[field];
  if (!Array.isArray(tensors) || tensors.length !== data.length)
    throw new FrameError(`a frame has the data of ${data.length} tensors, but its metadata has others`);
  return field === undefined
    ? message
    : { ...message, [field]: tensors.map((one, i) => tensor(one, data[i])) };
}

function tensor(value: unknown, data: Uint8Array<ArrayBuffer> | undefined): unknown {
  const { name, datatype, shape } = (value ?? {}) as Record<string, unknown>;
  const known = typeof name === 'string' && typeof datatype === 'string' && Array.isArray(shape);
  if (!known || !shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0))
    throw new FrameError('a tensor of a frame has no name, datatype or shape');
  return { name, datatype, shape, data };
}

function checkSizes(metadataBytes: number, tensors: number, limits: FrameLimits): void {
  if (metadataBytes > limits.metadataBytes)
    throw new FrameError(
      `a frame has ${metadataBytes} bytes of metadata, wanted at most ${limits.metadataBytes}`,
    );
  if (tensors > limits.tensors)
    throw new FrameError(`a frame has ${tensors} tensors, wanted at most ${limits.tensors}`);
}

function checkTensors(sizes: readonly number[], { tensorBytes }: FrameLimits): void {
  const sum = sizes.reduce((total, size) => total + size, 0);
  if (sum > tensorBytes)
    throw new FrameError(`a frame has ${sum} bytes of tensors, wanted at most ${tensorBytes}`);
}
