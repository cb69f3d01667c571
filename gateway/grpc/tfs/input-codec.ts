/**
 * The requests of Classify, Regress and MultiInference by hand: an Input has rows by the thousand, and an object for each feature of
 * each would be most of what a call costs. Fields of proto/tensorflow_serving/apis/{classification,regression,inference,input}.proto.
 */
import { GatewayError } from '../../core/error.js';
import { WireReader } from '../wire-reader.js';
import { readSpecFields, type SpecParts } from './predict-codec.js';

/** Most tasks of a request: each takes two bytes on the wire, but an object here. */
const MAX_TASKS = 64;

/** Where something lies in the request. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The rows of a request, not looked into yet: `tensorflow.Example`s. */
export interface ExampleSpans {
  readonly examples: readonly Span[];
  /** Pieces of the Example whose features each row has too, unless it has its own. */
  readonly context: readonly Span[];
}

/** What a ClassificationRequest or RegressionRequest says. */
export interface InputRequest {
  readonly spec: SpecParts | undefined;
  readonly input: ExampleSpans;
  /** Of the whole request, to look into the spans with: it counts what that costs. */
  readonly reader: WireReader;
}

/** One task of a MultiInferenceRequest. */
export interface WireTask {
  readonly spec: SpecParts | undefined;
  readonly method: string;
}

export interface MultiRequest extends Omit<InputRequest, 'spec'> {
  readonly tasks: readonly WireTask[];
}

/** The input while it is read: its pieces may come in several messages. */
class InputParts {
  kind = 0;
  examples: Span[] = [];
  context: Span[] = [];

  /** Of the two kinds the last one that is named counts. */
  read(reader: WireReader): void {
    while (reader.more) {
      const tag = reader.tag();
      if (tag !== 0x0a && tag !== 0x12) {
        reader.skipUnknown(tag, 2);
        continue;
      }
      if (this.kind !== tag) {
        this.kind = tag;
        this.examples = [];
        this.context = [];
      }
      const outer = reader.enter();
      this.#readList(reader, tag === 0x12);
      reader.leave(outer);
    }
  }

  #readList(reader: WireReader, withContext: boolean): void {
    while (reader.more) {
      const tag = reader.tag();
      if (tag === 0x0a) this.examples.push(spanOf(reader));
      else if (tag === 0x12 && withContext) this.context.push(spanOf(reader));
      else reader.skipUnknown(tag, withContext ? 2 : 1);
    }
  }
}

function spanOf(reader: WireReader): Span {
  const { length } = reader.bytes();
  return { start: reader.pos - length, end: reader.pos };
}

/** Reads a ClassificationRequest or a RegressionRequest, which have the same fields. Throws INTERNAL where the bytes are neither. */
export function decodeInputRequest(body: Uint8Array): InputRequest {
  const reader = new WireReader(body);
  const input = new InputParts();
  let spec: SpecParts | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x0a) spec = readSpecFields(reader, spec);
    else if (tag === 0x12) readInput(reader, input);
    else reader.skipUnknown(tag, 2);
  }
  return { spec, input, reader };
}

/** Reads a MultiInferenceRequest. Throws INTERNAL where the bytes are none, INVALID_ARGUMENT for too many tasks. */
export function decodeMultiRequest(body: Uint8Array): MultiRequest {
  const reader = new WireReader(body);
  const input = new InputParts();
  const tasks: WireTask[] = [];
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x0a) {
      if (tasks.length >= MAX_TASKS)
        throw new GatewayError('INVALID_ARGUMENT', `more than ${MAX_TASKS} entries in tasks`, {
          reason: 'bad_request',
          field: 'tasks',
        });
      tasks.push(readTask(reader));
    } else if (tag === 0x12) readInput(reader, input);
    else reader.skipUnknown(tag, 2);
  }
  return { tasks, input, reader };
}

function readInput(reader: WireReader, input: InputParts): void {
  const outer = reader.enter();
  input.read(reader);
  reader.leave(outer);
}

function readTask(reader: WireReader): WireTask {
  const outer = reader.enter();
  let spec: SpecParts | undefined;
  let method = '';
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x0a) spec = readSpecFields(reader, spec);
    else if (tag === 0x12) method = reader.string();
    else reader.skipUnknown(tag, 2);
  }
  reader.leave(outer);
  return { spec, method };
}
