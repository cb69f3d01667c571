import { setTimeout as delay } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { monotonicMs } from '../../bench/clock.js';
import { type Random, seededRandom } from '../../bench/load/random.js';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../gateway/gen/inference/grpc_service_pb.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { MODEL } from '../faults/repository.js';
import { answerOf, frame, RawClient } from '../support/raw-grpc.js';
import type { CallRecord } from './checker.js';

const PATH = '/inference.GRPCInferenceService/ModelInfer';
const LANES = 24;
const CONNECTIONS = 4;
const DEADLINES_MS = [200, 2000, 10_000];
/** Where the nonce stands in a row: the first element can be a command. */
const NONCE_AT = 1;

/** Clients of all manners: quick and slow ones, such that change their minds, such with little time. Each logs its calls. */
export class Clients {
  readonly log: CallRecord[] = [];
  readonly #connections: readonly RawClient[];
  readonly #random: Random;
  /** How long after its deadline a call is waited for. */
  readonly #graceMs: number;
  #stopping = false;
  #lanes: Promise<void>[] = [];
  #nextId = 0;

  constructor(port: number, seed: number, graceMs: number) {
    this.#connections = Array.from({ length: CONNECTIONS }, () => new RawClient(port));
    this.#random = seededRandom(seed, 4);
    this.#graceMs = graceMs;
  }

  start(): void {
    this.#lanes = Array.from({ length: LANES }, () => this.#lane());
  }

  /** Lets all calls end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#lanes);
    for (const connection of this.#connections) connection.close();
  }

  /** One call whose input throws in every worker that runs it. */
  guilty(): void {
    this.#lanes.push(this.#call(true));
  }

  async #lane(): Promise<void> {
    while (!this.#stopping) {
      await this.#call(false);
      await delay(this.#random() * 30);
    }
  }

  async #call(guilty: boolean): Promise<void> {
    const random = this.#random;
    const id = this.#nextId++;
    const nonce = id + 1;
    const deadlineMs = guilty ? 2000 : (DEADLINES_MS[Math.floor(random() * DEADLINES_MS.length)] as number);
    const cancelAfterMs = !guilty && random() < 0.05 ? random() * 20 : undefined;
    const slow = random() < 0.05;
    const body = frame(requestOf(nonce, guilty));
    const connection = this.#connections[id % CONNECTIONS] as RawClient;
    const sentAt = monotonicMs();
    const stream = connection.open(PATH, { 'grpc-timeout': `${deadlineMs}m` });
    const answer = answerOf(stream);
    if (slow) {
      stream.write(body.subarray(0, 7));
      await delay(random() * 50);
    }
    stream.end(slow ? body.subarray(7) : body);
    let cancelled = false;
    const ended = answer.then((got) => ({ ...got, endedAt: monotonicMs() }));
    const timer =
      cancelAfterMs === undefined
        ? undefined
        : setTimeout(() => {
            cancelled = true;
            stream.close(8);
          }, cancelAfterMs);
    const gaveUp = new AbortController();
    const end = await Promise.race([
      ended,
      delay(deadlineMs + this.#graceMs, undefined, { signal: gaveUp.signal }).catch(() => undefined),
    ]);
    gaveUp.abort();
    clearTimeout(timer);
    this.log.push({ id, nonce, sentAt, deadlineMs, cancelled, guilty, ...readEnd(end) });
    if (end === undefined) stream.close(8);
  }
}

type End = Awaited<ReturnType<typeof answerOf>> & { readonly endedAt: number };

function readEnd(
  end: End | undefined,
): Pick<CallRecord, 'answers' | 'endedAt' | 'code' | 'message' | 'version'> {
  if (end === undefined) return { answers: [] };
  const messages = end.messages.map((message) => fromBinary(ModelInferResponseSchema, message));
  const [version] = messages.map(({ modelVersion }) => modelVersion);
  return {
    answers: messages.map(({ rawOutputContents }) => nonceIn(rawOutputContents[0])),
    ...(end.status !== undefined && { endedAt: end.endedAt, code: end.status, message: end.message }),
    ...(version !== undefined && { version }),
  };
}

function requestOf(nonce: number, guilty: boolean): Uint8Array {
  const row = Float32Array.of(guilty ? commandOf('throw') : 1, nonce, 3, 4);
  return toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      modelName: MODEL,
      inputs: [{ name: 'X', datatype: 'FP32', shape: [1n, 4n] }],
      rawInputContents: [new Uint8Array(row.buffer)],
    }),
  );
}

/** Not a number where there is none: nobody sent that. */
function nonceIn(raw: Uint8Array | undefined): number {
  if (raw === undefined || raw.byteLength !== 16) return Number.NaN;
  return new DataView(raw.buffer, raw.byteOffset).getFloat32(4 * NONCE_AT, true);
}
