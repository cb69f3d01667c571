import { GatewayError } from '../../core/error.js';
import { nearest } from '../../core/nearest.js';
import { bare } from '../../core/tfs/model-spec.js';
import type { Task } from '../../core/tfs/tasks.js';
import { widenPacked } from '../widen-varints.js';
import { malformed, type WireReader } from '../wire-reader.js';
import type { ExampleSpans, Span } from './input-codec.js';

/** Names that are looked at for the one that was meant. */
const MAX_NEAR = 1000;

/** Where the values of a feature go, and how many it has. */
interface Place {
  readonly at: number;
  readonly count: number;
}

/**
 * The rows of `tensorflow.Example`s as the bytes of a float matrix: each named feature in its column, or all of a row in one feature
 * that is called as the input is. A feature that the model does not know is left out, as TensorFlow does. Throws INVALID_ARGUMENT in
 * TensorFlow's words for what is missing or no number, INTERNAL for what cannot be parsed.
 */
export function exampleRows(reader: WireReader, { examples, context }: ExampleSpans, task: Task): Uint8Array {
  const { features, width, input } = task;
  if (examples.length === 0) throw refused('Input is empty.');
  const places = new Map<string, Place>();
  for (const [at, name] of (features ?? []).entries()) places.set(name, { at, count: 1 });
  if (!places.has(input.name)) places.set(input.name, { at: 0, count: width });
  const bytes = new Uint8Array(examples.length * width * 4);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < examples.length; index++) {
    const row = new Row(view, index, width, places);
    for (const piece of context) row.read(reader, piece);
    row.read(reader, examples[index] as Span);
    const missing = row.missing();
    if (missing >= 0) throw absent(features?.[missing], row.unknown, task);
  }
  return bytes;
}

/** One row while it is read. */
class Row {
  /** Names that were given and are nobody's, for the message about one that is missing. */
  readonly unknown: string[] = [];
  readonly #view: DataView;
  readonly #index: number;
  readonly #width: number;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #given: Uint8Array;

  constructor(view: DataView, index: number, width: number, places: ReadonlyMap<string, Place>) {
    this.#view = view;
    this.#index = index;
    this.#width = width;
    this.#places = places;
    this.#given = new Uint8Array(width);
  }

  /** The first column without a value; -1 where there is none. */
  missing(): number {
    return this.#given.indexOf(0);
  }

  /** Reads an Example, or a piece of one: a later value of a feature replaces the earlier one. */
  read(reader: WireReader, { start, end }: Span): void {
    reader.pos = start;
    reader.end = end;
    while (reader.more) {
      const tag = reader.tag();
      if (tag !== 0x0a) {
        reader.skipUnknown(tag, 1);
        continue;
      }
      const outer = reader.enter();
      while (reader.more) {
        const inner = reader.tag();
        if (inner === 0x0a) this.#readEntry(reader);
        else reader.skipUnknown(inner, 1);
      }
      reader.leave(outer);
    }
  }

  /** An entry of `map<string, Feature>`, whose key may come after its value. */
  #readEntry(reader: WireReader): void {
    const outer = reader.enter();
    let name = '';
    let value: Span = { start: reader.pos, end: reader.pos };
    while (reader.more) {
      const tag = reader.tag();
      if (tag === 0x0a) name = reader.string();
      else if (tag === 0x12) {
        const { length } = reader.bytes();
        value = { start: reader.pos - length, end: reader.pos };
      } else reader.skipUnknown(tag, 2);
    }
    const { end } = reader;
    const place = this.#places.get(name);
    if (place !== undefined) {
      reader.pos = value.start;
      reader.end = value.end;
      this.#readFeature(reader, name, place);
      reader.pos = end;
    } else if (this.unknown.length < 16) this.unknown.push(name);
    reader.leave(outer);
  }

  /** Of the three kinds of list the last one counts. One that is not set, or is empty, is as if the feature were not there. */
  #readFeature(reader: WireReader, name: string, { at, count }: Place): void {
    let values: number[] = [];
    let kind = 0;
    while (reader.more) {
      const tag = reader.tag();
      if (tag !== 0x0a && tag !== 0x12 && tag !== 0x1a) {
        reader.skipUnknown(tag, 3);
        continue;
      }
      if (kind !== tag) values = [];
      kind = tag;
      const outer = reader.enter();
      if (tag === 0x12) readFloats(reader, values);
      else if (tag === 0x1a) readIntegers(reader, values);
      else reader.pos = reader.end;
      reader.leave(outer);
    }
    const where = `Name: <unknown>, Key: ${bare(name)}, Index: ${this.#index}.  `;
    if (kind === 0x0a)
      throw refused(`${where}Data types don't match. Data type: string but expected type: float`);
    if (kind === 0) return;
    if (values.length !== count) {
      const shape = count === 1 ? '[]' : `[${count}]`;
      throw refused(
        `${where}Number of float values != expected.  Values size: ${values.length} but output shape: ${shape}`,
      );
    }
    for (let i = 0; i < count; i++)
      this.#view.setFloat32((this.#index * this.#width + at + i) * 4, values[i] as number, true);
    this.#given.fill(1, at, at + count);
  }
}

/** A FloatList: packed, or one by one. */
function readFloats(reader: WireReader, into: number[]): void {
  while (reader.more) {
    const tag = reader.tag();
    if (tag !== 0x0a && tag !== 0x0d) {
      reader.skipUnknown(tag, 1);
      continue;
    }
    const run = tag === 0x0a ? reader.bytes() : reader.fixed(4);
    if (run.length % 4 !== 0) throw malformed('a packed field ends in the middle of an element');
    reader.spend(run.length / 4);
    for (let at = 0; at < run.length; at += 4) into.push(run.readFloatLE(at));
  }
}

/** An Int64List: packed, or one by one. Numbers beyond a float's precision are rounded to it. */
function readIntegers(reader: WireReader, into: number[]): void {
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 0x08) into.push(Number(reader.int64()));
    else if (tag === 0x0a) {
      const wide = widenPacked(reader, 8);
      const view = new DataView(wide.buffer, wide.byteOffset, wide.byteLength);
      for (let at = 0; at < wide.length; at += 8) into.push(Number(view.getBigInt64(at, true)));
    } else reader.skipUnknown(tag, 1);
  }
}

/** In the words of TensorFlow's example parser; and how the feature was spelt, or what the model calls its features. */
function absent(feature: string | undefined, unknown: readonly string[], task: Task): GatewayError {
  const name = feature ?? task.input.name;
  const near =
    feature === undefined || unknown.length === 0 ? undefined : nearest(name.slice(0, MAX_NEAR), unknown);
  const meant = near === undefined ? '' : ` (there is ${bare(near)})`;
  const how =
    feature === undefined
      ? `: the model's features have no names, so that a row is one feature of ${task.width} floats`
      : '';
  return refused(
    `Name: <unknown>, Feature: ${bare(name)} (data type: float) is required but could not be found.${meant}${how}`,
  );
}

function refused(message: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'input' });
}
