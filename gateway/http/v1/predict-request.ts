import { GatewayError, quote } from '../../core/error.js';
import type { Signature, TensorSpec } from '../../core/model.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { checkPredict } from '../../core/tfs/check-predict.js';
import { JsonReader } from '../json/reader.js';
import { TensorReader } from '../json/tensor-reader.js';

/** What the body of a predict says. */
export interface V1Request {
  /** Rows under `instances`, or whole tensors under `inputs`: the answer has the same form. */
  readonly form: 'row' | 'column';
  /** How many instances; undefined in column form. */
  readonly rows: number | undefined;
  readonly inputs: readonly Tensor[];
}

/** Where values stand in the text, once it is known that they are wanted. */
interface Places {
  instances: number | undefined;
  inputs: number | undefined;
  signature: string;
}

/** An object that is a value: bytes in base64. */
const BASE64_VALUE = /\{\s*"b64"\s*:/y;

/**
 * Reads the body of `POST /v1/models/{m}:predict` (TensorFlow Serving's RESTful API, KServe's v1): `instances`, a value or an object by
 * input for each row, or `inputs`, a tensor or an object of tensors. Throws INVALID_ARGUMENT with line and column, or in the words of
 * Predict where names do not fit.
 */
export function readPredictRequest(body: Buffer, signature: Signature): V1Request {
  const reader = new JsonReader(body);
  const places = findValues(reader);
  const { instances, inputs } = places;
  if (instances !== undefined && inputs !== undefined)
    throw bad("Payload has both 'instances' and 'inputs': wanted one of them", 'inputs');
  const at = instances ?? inputs;
  if (at === undefined) throw bad("Missing 'inputs' or 'instances' key", 'instances');
  reader.rewind(at);
  const collected = new Collected(signature);
  const rows = instances === undefined ? undefined : readInstances(reader, collected);
  if (instances === undefined) readColumns(reader, collected);
  checkPredict(places.signature, signature, collected.given, []);
  return { form: rows === undefined ? 'column' : 'row', rows, inputs: collected.finish(rows) };
}

function findValues(reader: JsonReader): Places {
  const places: Places = { instances: undefined, inputs: undefined, signature: '' };
  reader.beginObject();
  for (let key = reader.key(); key !== undefined; key = reader.key()) {
    if (key === 'signature_name') {
      places.signature = reader.string();
      continue;
    }
    reader.peek();
    if (key === 'instances' || key === 'inputs') places[key] = reader.at;
    reader.skip();
  }
  reader.end();
  return places;
}

/** The tensors of a request while they are read, by input. */
class Collected {
  readonly #specs: ReadonlyMap<string, TensorSpec>;
  readonly #only: TensorSpec | undefined;
  readonly #readers = new Map<string, TensorReader>();
  /** The shape of what was read of each, of its first row in row form. */
  readonly #shapes = new Map<string, readonly number[]>();
  /** Names that were given, with the datatype of those that are known: as Predict checks them. */
  readonly given = new Map<string, { datatype: undefined }>();

  constructor({ inputs }: Signature) {
    this.#specs = new Map(inputs.map((input) => [input.name, input]));
    this.#only = inputs.length === 1 ? inputs[0] : undefined;
  }

  /** Reads a value for the only input there is. */
  single(reader: JsonReader, where: string): void {
    if (this.#only === undefined)
      throw bad(
        `${where} is a value, wanted an object by input: the model has ${this.#specs.size} inputs`,
        where,
      );
    this.named(this.#only.name, reader, where);
  }

  /** Reads a value for an input; one that is not known is passed over, and refused when all are there. */
  named(name: string, reader: JsonReader, where: string): void {
    this.given.set(name, { datatype: undefined });
    const spec = this.#specs.get(name);
    if (spec === undefined) {
      reader.skip();
      return;
    }
    const { datatype } = spec;
    const values =
      this.#readers.get(name) ?? new TensorReader({ datatype, where, base64: true, int64Strings: true });
    this.#readers.set(name, values);
    const shape = [...values.read(reader)];
    const first = this.#shapes.get(name) ?? shape;
    this.#shapes.set(name, first);
    if (shape.length !== first.length || shape.some((size, at) => size !== first[at]))
      throw bad(
        `${where} has the shape [${shape}] for input ${quote(name)}, the first one had [${first}]`,
        where,
      );
  }

  finish(rows: number | undefined): Tensor[] {
    return [...this.#specs.values()].map(({ name, datatype, shape: wanted }) => {
      const read = this.#shapes.get(name) ?? [];
      const shape = fitted(rows === undefined ? read : [rows, ...read], wanted);
      return { name, datatype, shape, data: (this.#readers.get(name) as TensorReader).finish() };
    });
  }
}

function readInstances(reader: JsonReader, collected: Collected): number {
  let rows = 0;
  reader.beginArray();
  let names: string | undefined;
  for (; reader.element(); rows++) {
    const where = `instances[${rows}]`;
    if (isValue(reader)) {
      collected.single(reader, where);
      continue;
    }
    const seen: string[] = [];
    reader.beginObject();
    for (let key = reader.key(); key !== undefined; key = reader.key()) {
      collected.named(key, reader, `${where}.${key.slice(0, 64)}`);
      seen.push(key);
    }
    const all = seen.sort().join('\n');
    names ??= all;
    if (all !== names) throw bad(`${where} has other names than the instance before it`, where);
  }
  if (rows === 0) throw bad("'instances' is empty: wanted at least one", 'instances');
  return rows;
}

function readColumns(reader: JsonReader, collected: Collected): void {
  if (isValue(reader)) {
    collected.single(reader, 'inputs');
    return;
  }
  reader.beginObject();
  for (let key = reader.key(); key !== undefined; key = reader.key())
    collected.named(key, reader, `inputs.${key.slice(0, 64)}`);
}

/** Whether what stands next is a value, and no object by name. */
function isValue(reader: JsonReader): boolean {
  if (reader.peek() !== 'object') return true;
  BASE64_VALUE.lastIndex = reader.at;
  return BASE64_VALUE.test(reader.text);
}

/** A value of a row for an input of rows of one: the same elements in the model's rank. */
function fitted(shape: readonly number[], wanted: readonly number[]): readonly number[] {
  if (shape.length === wanted.length) return shape;
  const full = wanted.map((size, at) => (size === -1 && at === 0 ? (shape[0] ?? 1) : size));
  return !full.includes(-1) && elementCount(full) === elementCount(shape) ? full : shape;
}

function bad(message: string, field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
