/**
 * Mutated ModelInferRequests against our decoder and @bufbuild/protobuf, which is helped where it is lax
 * (test/support/strict-walk.ts): both refuse, or both read the same. What the library reads and no request can mean (test/support/oip-meaning.ts) ours refuses. One seed replays a run.
 */
import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { GatewayError } from '../../gateway/core/error.js';
import { ModelInferRequestSchema } from '../../gateway/gen/inference/grpc_service_pb.js';
import { decodeInferRequest, type InferRequest } from '../../gateway/grpc/oip-codec.js';
import { seededRandom } from '../../worker/sample-inputs.js';
import { anyRequest } from '../support/oip-arbitraries.js';
import { comparable, meaningOf } from '../support/oip-meaning.js';
import { scrambled } from '../support/scrambled-request.js';
import { walkStrictly } from '../support/strict-walk.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
}

export interface FuzzReport {
  readonly messages: number;
  /** Read by both, refused by both, and read by the library but meaningless. */
  readonly read: number;
  readonly refused: number;
  readonly meaningless: number;
  /** Longest time of one decoding, in microseconds and per byte of its message. */
  readonly slowestUs: number;
  readonly slowestUsPerByte: number;
}

/** A decoding of a few kilobytes takes microseconds; beyond this it runs away. */
const MAX_DECODE_MS = 50;
/** Beyond this it is timed again. */
const SUSPECT_MS = 1;
const CORPUS = 60;
const MUTANTS_OF_EACH = 50;

type Random = () => number;

/** Runs until the time is over. Throws with the seed and the message in hex at the first disagreement. */
export function fuzzDecoder({ seed, seconds }: FuzzOptions): FuzzReport {
  const random = seededRandom(seed);
  const until = performance.now() + seconds * 1000;
  const counts = { messages: 0, read: 0, refused: 0, meaningless: 0, slowestUs: 0, slowestUsPerByte: 0 };
  while (performance.now() < until) {
    const corpus = validMessages(Math.floor(random() * 2 ** 31), random);
    for (const body of corpus) {
      for (let i = 0; i < MUTANTS_OF_EACH && performance.now() < until; i++) {
        const mutant = mutate(body, corpus, random);
        try {
          const us = judge(mutant, random, counts);
          counts.slowestUs = Math.max(counts.slowestUs, us);
          counts.slowestUsPerByte = Math.max(counts.slowestUsPerByte, us / Math.max(64, mutant.length));
        } catch (error) {
          const hex = mutant.toString('hex');
          throw new Error(`seed ${seed}, message ${counts.messages}: ${hex}`, { cause: error });
        }
        counts.messages++;
      }
    }
  }
  return counts;
}

function validMessages(seed: number, random: Random): Buffer[] {
  return fc.sample(anyRequest, { seed, numRuns: CORPUS }).map((init, i) => {
    const message = create(ModelInferRequestSchema, init);
    return i % 2 === 0 ? Buffer.from(toBinary(ModelInferRequestSchema, message)) : scrambled(message, random);
  });
}

/** Decodes by both and compares. Returns our time in microseconds. */
function judge(
  mutant: Buffer,
  random: Random,
  counts: Record<'read' | 'refused' | 'meaningless', number>,
): number {
  // In the middle of other bytes, at any alignment: what is read beyond the message's ends shows in the result.
  const offset = Math.floor(random() * 16);
  const room = Buffer.alloc(mutant.length + 32, 0x7f);
  mutant.copy(room, offset);
  const body = room.subarray(offset, offset + mutant.length);

  let [request, tookMs] = timed(body);
  // A pause of the machine or of the garbage collector is not the decoder's.
  for (let again = 0; again < 3 && tookMs > SUSPECT_MS; again++) {
    const second = timed(body);
    if (second[1] < tookMs) [request, tookMs] = second;
  }
  const ours = request instanceof GatewayError ? request : comparable(request);
  assert.ok(tookMs < MAX_DECODE_MS, `took ${tookMs} ms for ${mutant.length} bytes`);

  let meaning: unknown;
  try {
    walkStrictly(ModelInferRequestSchema, mutant);
    meaning = meaningOf(fromBinary(ModelInferRequestSchema, mutant));
  } catch {
    assert.ok(ours instanceof GatewayError, 'we read what is no such message');
    counts.refused++;
    return tookMs * 1000;
  }
  if (typeof meaning === 'string') {
    assert.ok(ours instanceof GatewayError, `read what cannot be meant: ${meaning}`);
    counts.meaningless++;
    return tookMs * 1000;
  }
  if (ours instanceof GatewayError)
    throw new Error('we refuse what @bufbuild/protobuf reads', { cause: ours });
  assert.deepEqual(ours, meaning);
  counts.read++;
  return tookMs * 1000;
}

function timed(body: Uint8Array): [InferRequest | GatewayError, number] {
  const began = performance.now();
  try {
    return [decodeInferRequest(body), performance.now() - began];
  } catch (error) {
    assert.ok(error instanceof GatewayError, `threw ${String(error)}`);
    return [error, performance.now() - began];
  }
}

/** A message with one change, or up to four. */
function mutate(body: Buffer, corpus: readonly Buffer[], random: Random): Buffer {
  let mutant: Buffer = Buffer.from(body);
  for (let changes = random() < 0.7 ? 1 : 1 + Math.floor(random() * 4); changes > 0; changes--) {
    mutant = change(mutant, corpus, random);
  }
  return mutant;
}

/** Bytes that mean something to a reader: ends and continuations of varints, large lengths, tags of every wire type. */
const TELLING = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x18, 0x1a, 0x22, 0x2a, 0x3a, 0x0b, 0x0c, 0x0d, 0x08,
];

function change(body: Buffer, corpus: readonly Buffer[], random: Random): Buffer {
  const below = (count: number) => Math.floor(random() * count);
  const at = below(body.length + 1);
  const to = Math.min(body.length, at + below(12));
  const byte = random() < 0.5 ? (TELLING[below(TELLING.length)] as number) : below(256);
  switch (below(10)) {
    case 0:
      return body.subarray(0, at);
    case 1:
      return Buffer.concat([body.subarray(0, at), body.subarray(to)]);
    case 2:
      return Buffer.concat([body.subarray(0, to), body.subarray(at)]);
    case 3:
      return Buffer.concat([body.subarray(0, at), Buffer.alloc(1 + below(11), byte), body.subarray(at)]);
    case 4: {
      const other = corpus[below(corpus.length)] as Buffer;
      return Buffer.concat([body.subarray(0, at), other.subarray(below(other.length + 1))]);
    }
    case 5:
      // Two messages in a row are one, merged.
      return Buffer.concat([body, corpus[below(corpus.length)] as Buffer]);
    default: {
      const changed = Buffer.from(body);
      if (changed.length > 0) changed[Math.min(at, changed.length - 1)] = byte;
      return changed;
    }
  }
}
