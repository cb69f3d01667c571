import type { ExpectedAnswer } from './contract.js';
import { type AnswerOutput, readInferAnswer } from './infer-answer.js';

/** An accepted answer longer than this is not kept for comparison. */
const MAX_KEPT_BYTES = 64 * 1024;

/**
 * Compares the answers of a template's calls with what they must be. A server that answers the same bytes again is believed
 * by one comparison of memory; everything else is decoded.
 */
export class Verifier {
  readonly #expect: readonly ExpectedAnswer[];
  readonly #accepted: (Buffer | undefined)[] = [];

  /** @param expect one for each of the template's bodies. */
  constructor(expect: readonly ExpectedAnswer[]) {
    this.#expect = expect;
  }

  /** Why the answer to this body is not the expected one; undefined when it is. */
  check(body: number, message: Buffer): string | undefined {
    if (this.#accepted[body]?.equals(message)) return undefined;
    const expected = this.#expect[body];
    if (expected === undefined) return `nothing is known of the answer to request ${body}`;
    const fault = compare(message, expected);
    if (fault === undefined && message.length <= MAX_KEPT_BYTES) this.#accepted[body] = Buffer.from(message);
    return fault;
  }
}

function compare(message: Buffer, expected: ExpectedAnswer): string | undefined {
  let outputs: AnswerOutput[];
  try {
    outputs = readInferAnswer(message);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  for (const wanted of expected.outputs) {
    const got = outputs.find(({ name }) => name === wanted.name);
    if (got === undefined) return `output ${quote(wanted.name)} is missing`;
    const fault = compareOutput(got, wanted, expected);
    if (fault !== undefined) return `output ${quote(wanted.name)}: ${fault}`;
  }
  return undefined;
}

function compareOutput(
  got: AnswerOutput,
  wanted: AnswerOutput,
  tolerance: { readonly absolute: number; readonly relative: number },
): string | undefined {
  if (got.datatype !== wanted.datatype)
    return `datatype ${quote(got.datatype)}, wanted ${quote(wanted.datatype)}`;
  if (got.raw.length !== wanted.raw.length) return `${got.raw.length} bytes, wanted ${wanted.raw.length}`;
  const a = view(got.raw);
  const b = view(wanted.raw);
  if (a.equals(b)) return undefined;
  const read = FLOATS[wanted.datatype];
  if (read === undefined) {
    const at = a.findIndex((byte, i) => byte !== b[i]);
    return `byte ${at} is ${a[at]}, wanted ${b[at]}`;
  }
  for (let at = 0, i = 0; at + read.bytes <= b.length; at += read.bytes, i++) {
    const x = read.at(a, at);
    const y = read.at(b, at);
    if (!close(x, y, tolerance)) return `element ${i} is ${x}, wanted ${y}`;
  }
  return undefined;
}

/** NaN and the infinities equal only themselves. */
function close(got: number, wanted: number, t: { absolute: number; relative: number }): boolean {
  if (Object.is(got, wanted) || got === wanted) return true;
  return Math.abs(got - wanted) <= t.absolute + t.relative * Math.abs(wanted) && Number.isFinite(wanted);
}

const FLOATS: Readonly<Record<string, { bytes: number; at: (b: Buffer, at: number) => number }>> = {
  FP64: { bytes: 8, at: (bytes, at) => bytes.readDoubleLE(at) },
  FP32: { bytes: 4, at: (bytes, at) => bytes.readFloatLE(at) },
  FP16: { bytes: 2, at: (bytes, at) => half(bytes.readUInt16LE(at)) },
  BF16: { bytes: 2, at: (bytes, at) => bfloat(bytes.readUInt16LE(at)) },
};

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a binary32. */
function bfloat(bits: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(bits, 2);
  return bytes.readFloatLE(0);
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Text of a server, short and in one line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
