import { encodeTensor } from '../../client/encode-tensor.js';
import type { TensorMetadata } from '../../client/metadata.js';
import { BenchUsageError } from '../usage-error.js';
import { type Samples, sampleShapeOf } from './samples.js';

export interface GenerateOptions {
  readonly kind: 'random' | 'zeros';
  /** How many samples. */
  readonly count: number;
  readonly batches: boolean;
  /** Dimensions by input, where the signature leaves them open. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Random numbers lie in [low, high]; integers include both. @default [0, 1] for floats, [0, 127] for integers */
  readonly range?: readonly [low: number, high: number] | undefined;
  readonly random: () => number;
}

/** Makes samples for every input of a signature. Throws BenchUsageError when a dimension is not known. */
export function generateSamples(inputs: readonly TensorMetadata[], options: GenerateOptions): Samples[] {
  const problems = unknownNames(inputs, options.shapes);
  const made = inputs.map((spec) => {
    const shape = resolveShape(spec, options);
    if (typeof shape === 'string') {
      problems.push(shape);
      return undefined;
    }
    const parts = Array.from({ length: options.count }, () => onePart(spec, shape, options));
    return { name: spec.name, datatype: spec.datatype, count: options.count, sampleShape: shape, parts };
  });
  if (problems.length > 0) throw new BenchUsageError(problems);
  return made as Samples[];
}

function unknownNames(
  inputs: readonly TensorMetadata[],
  shapes: ReadonlyMap<string, readonly number[]>,
): string[] {
  const names = inputs.map(({ name }) => name);
  return [...shapes.keys()]
    .filter((name) => !names.includes(name))
    .map(
      (name) => `--shape names input "${name}"; the model has ${names.map((own) => `"${own}"`).join(', ')}`,
    );
}

/** The shape of one sample, or what is wrong with what was given. */
function resolveShape(
  spec: TensorMetadata,
  { batches, shapes }: GenerateOptions,
): readonly number[] | string {
  const wanted = sampleShapeOf(spec, batches);
  const open = `[${wanted.join(', ')}]${batches ? ' after the batch dimension' : ''}`;
  const given = shapes.get(spec.name);
  if (given === undefined) {
    if (!wanted.includes(-1)) return wanted;
    const example = wanted.map((dim) => (dim === -1 ? 8 : dim)).join(',');
    return `Input "${spec.name}" has variable dimensions, ${open}: give them, e.g. --shape ${spec.name}:${example}`;
  }
  if (given.length === wanted.length && wanted.every((dim, i) => dim === -1 || dim === given[i]))
    return given;
  return `--shape ${spec.name}:${given.join(',')} does not fit the input; wanted ${open}, -1 being any number`;
}

function onePart(spec: TensorMetadata, shape: readonly number[], options: GenerateOptions): Uint8Array {
  const length = shape.reduce((product, dim) => product * dim, 1);
  const draw = drawer(spec.datatype, options);
  const data = Array.from({ length }, draw);
  return encodeTensor(spec.name, spec.datatype, { shape, data }).data;
}

function drawer(
  datatype: string,
  { kind, range, random }: GenerateOptions,
): () => number | boolean | string | bigint {
  const float = datatype.startsWith('FP') || datatype === 'BF16';
  if (kind === 'zeros') {
    if (datatype === 'BYTES') return () => '';
    if (datatype === 'BOOL') return () => false;
    return () => 0;
  }
  if (datatype === 'BOOL') return () => random() < 0.5;
  const [low, high] = range ?? (float ? [0, 1] : [0, 127]);
  if (float) return () => low + random() * (high - low);
  const first = Math.ceil(low);
  const integer = (): number => first + Math.floor(random() * (Math.floor(high) - first + 1));
  return datatype === 'BYTES' ? () => String(integer()) : integer;
}
