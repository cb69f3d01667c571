import { elementCodec } from '../../client/datatype.js';
import type { TensorMetadata } from '../../client/metadata.js';
import { readCsv } from './csv.js';
import { readNpy } from './npy.js';
import { cutSamples, type Samples, sampleShapeOf, samplesFromValues } from './samples.js';

/** Tensors that a file may hold values for: a model's inputs, or its outputs when answers are expected. */
export interface SampleTarget {
  readonly specs: readonly TensorMetadata[];
  readonly batches: boolean;
}

/**
 * Reads samples by the file's ending: `.npy`, `.csv`, otherwise JSON. Throws Error with what is wrong in it, without
 * the file's name.
 */
export function readSamples(path: string, bytes: Uint8Array, target: SampleTarget): Samples[] {
  if (/\.npy$/i.test(path)) return [fromNpy(bytes, target)];
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (/\.csv$/i.test(path)) return [fromCsv(text, target)];
  return fromJson(text, target);
}

function fromNpy(bytes: Uint8Array, target: SampleTarget): Samples {
  const spec = only(target, 'a .npy file holds one');
  const array = readNpy(bytes);
  if (array.datatype === spec.datatype) return cutSamples(spec, target.batches, array);
  const codec = elementCodec(array.datatype);
  if (codec === undefined || spec.datatype === 'BYTES') {
    throw new Error(`it holds ${array.datatype}; ${spec.name} is ${spec.datatype}`);
  }
  // NumPy's default is float64: what the model's datatype can hold is converted, the rest is refused by the encoder.
  const view = new DataView(array.data.buffer, array.data.byteOffset, array.data.byteLength);
  const data = Array.from({ length: array.data.length / codec.size }, (_, i) =>
    codec.read(view, i * codec.size),
  );
  return samplesFromValues(spec, target.batches, { shape: array.shape, data });
}

function fromCsv(text: string, target: SampleTarget): Samples {
  const spec = only(target, 'a CSV file holds the columns of one');
  const { columns, rows } = readCsv(text);
  const wanted = sampleShapeOf(spec, target.batches);
  const sampleShape = wanted.length === 1 && wanted[0] === -1 ? [columns.length] : wanted;
  const size = sampleShape.reduce((product, dim) => product * dim, 1);
  if (size !== columns.length) {
    throw new Error(
      `it has ${columns.length} columns; ${spec.name} wants [${wanted.join(', ')}] a row, so ${size < 0 ? 'a .npy or JSON file' : `${size} columns`}`,
    );
  }
  return samplesFromValues(spec, target.batches, { shape: [rows.length, ...sampleShape], data: rows.flat() });
}

function fromJson(text: string, target: SampleTarget): Samples[] {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`);
  }
  const names = target.specs.map(({ name }) => name);
  if (isObject(value) && !('shape' in value && 'data' in value)) {
    // perf_analyzer's files: {"data": [{"input": …}, …]}
    if (Array.isArray(value['data']) && !names.includes('data') && isObject(value['data'][0])) {
      return fromRecords(value['data'], target);
    }
    return byName(value, target);
  }
  if (Array.isArray(value) && isObject(value[0])) return fromRecords(value, target);
  const spec = only(target, 'a JSON list holds one; give {"name": [...], ...}');
  return [samplesFromValues(spec, target.batches, value)];
}

/** `{"a": [[…], […]], "b": […]}`: all samples of each tensor. */
function byName(value: Record<string, unknown>, target: SampleTarget): Samples[] {
  const unknown = Object.keys(value).find((name) => !target.specs.some((spec) => spec.name === name));
  const names = target.specs.map(({ name }) => `"${name}"`).join(', ');
  if (unknown !== undefined) throw new Error(`it names ${JSON.stringify(unknown)}; wanted ${names}`);
  return target.specs.flatMap((spec) =>
    Object.hasOwn(value, spec.name) ? [samplesFromValues(spec, target.batches, value[spec.name])] : [],
  );
}

/** `[{"a": […], "b": …}, …]`: one sample after the other. */
function fromRecords(records: readonly unknown[], target: SampleTarget): Samples[] {
  const columns: Record<string, unknown[]> = {};
  for (const [index, record] of records.entries()) {
    if (!isObject(record)) throw new Error(`sample ${index} is not an object; the first one is`);
    for (const [name, value] of Object.entries(record)) {
      columns[name] ??= [];
      columns[name].push(value);
    }
  }
  for (const [name, values] of Object.entries(columns)) {
    if (values.length !== records.length) throw new Error(`"${name}" is missing in some of the samples`);
  }
  const shaped = target.specs.flatMap((spec): [string, unknown][] => {
    const values = columns[spec.name];
    return values === undefined ? [] : [[spec.name, stacked(spec, target.batches, values)]];
  });
  const extra = Object.keys(columns).filter((name) => !target.specs.some((spec) => spec.name === name));
  return byName(
    Object.fromEntries([...shaped, ...extra.map((name): [string, unknown] => [name, columns[name]])]),
    target,
  );
}

/** perf_analyzer lists a sample's elements flat, whatever their shape; `{content, shape}` says the shape. */
function stacked(spec: TensorMetadata, batches: boolean, values: readonly unknown[]): unknown {
  const wanted = sampleShapeOf(spec, batches);
  const [first] = values;
  const shape = isObject(first) && Array.isArray(first['shape']) ? (first['shape'] as number[]) : wanted;
  const contents = values.map((value) => (isObject(value) && 'content' in value ? value['content'] : value));
  const flat = contents.map((value) =>
    Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value],
  );
  if (shape.includes(-1)) return contents;
  return { shape: [values.length, ...shape], data: flat.flat() };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function only({ specs }: SampleTarget, what: string): TensorMetadata {
  const [spec, ...others] = specs;
  if (spec !== undefined && others.length === 0) return spec;
  throw new Error(`the model has ${specs.map(({ name }) => `"${name}"`).join(' and ')}; ${what}`);
}
