/** What a ModelInferRequest means, worked out plainly from the message that @bufbuild/protobuf reads: the codec's oracle. */
import { type Datatype, isDatatype } from '../../gateway/core/datatype.js';
import type { ModelInferRequest } from '../../gateway/gen/inference/grpc_service_pb.js';
import type { InferRequest } from '../../gateway/grpc/oip-codec.js';

type Input = ModelInferRequest['inputs'][number];
type Contents = NonNullable<Input['contents']>;
type Parameters = ModelInferRequest['parameters'];

/** A decoded request in a form that `deepEqual` compares. */
export type Meaning = Omit<InferRequest, 'parameters'> & { parameters: unknown };

const MAX_RANK = 64;
const MAX_DIM = BigInt(Number.MAX_SAFE_INTEGER);

/** The fields of InferTensorContents, and how their elements lie in raw contents, by datatype. */
const TYPED: Readonly<Partial<Record<Datatype, readonly [keyof Contents, (values: never) => Uint8Array]>>> = {
  BOOL: ['boolContents', (values: boolean[]) => Uint8Array.from(values, Number)],
  INT8: ['intContents', (values: number[]) => bytesOf(Int8Array.from(values))],
  INT16: ['intContents', (values: number[]) => bytesOf(Int16Array.from(values))],
  INT32: ['intContents', (values: number[]) => bytesOf(Int32Array.from(values))],
  INT64: ['int64Contents', (values: bigint[]) => bytesOf(BigInt64Array.from(values))],
  UINT8: ['uintContents', (values: number[]) => Uint8Array.from(values)],
  UINT16: ['uintContents', (values: number[]) => bytesOf(Uint16Array.from(values))],
  UINT32: ['uintContents', (values: number[]) => bytesOf(Uint32Array.from(values))],
  UINT64: ['uint64Contents', (values: bigint[]) => bytesOf(BigUint64Array.from(values))],
  FP32: ['fp32Contents', (values: number[]) => bytesOf(Float32Array.from(values))],
  FP64: ['fp64Contents', (values: number[]) => bytesOf(Float64Array.from(values))],
  BYTES: ['bytesContents', (values: Uint8Array[]) => prefixed(values)],
};
const FIELDS = new Set(Object.values(TYPED).map(([field]) => field));
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  INT8: [-128, 127],
  INT16: [-32768, 32767],
  UINT8: [0, 255],
  UINT16: [0, 65535],
};

/** The request's content, or in words why it cannot be meant, which the codec has to refuse. */
export function meaningOf(message: ModelInferRequest): Meaning | string {
  const { inputs, outputs, rawInputContents: raw } = message;
  if (inputs.some((input) => has(input.parameters, 'shared_memory_region'))) return 'shared memory';
  const classes = new Map<string, number>();
  for (const { name, parameters } of outputs) {
    if (has(parameters, 'shared_memory_region')) return 'shared memory';
    if (!has(parameters, 'classification')) continue;
    const count = parameters['classification']?.parameterChoice.value;
    if (typeof count !== 'bigint' || count < 1n) return 'a classification';
    classes.set(name, Math.min(Number(count), 2 ** 32 - 1));
  }
  if (raw.length > inputs.length) return 'too many raw contents';
  if (raw.length > 0 && inputs.some(({ contents }) => contents !== undefined)) return 'raw and typed';
  const tensors: Meaning['inputs'][number][] = [];
  for (const [i, input] of inputs.entries()) {
    const { name, datatype, shape } = input;
    if (shape.length > MAX_RANK || shape.some((dim) => dim < 0n || dim > MAX_DIM)) return 'a shape';
    if (!isDatatype(datatype)) return 'a datatype';
    const data = raw.length > 0 ? raw[i] : typedBytes(input, datatype);
    if (typeof data === 'string') return data;
    if (data === undefined && !shape.includes(0n)) return 'no data';
    tensors.push({
      name,
      datatype,
      shape: shape.map(Number),
      data: quiet(datatype, data ?? new Uint8Array(0)),
    });
  }
  return {
    model: message.modelName,
    version: message.modelVersion,
    id: message.id,
    outputs: outputs.map(({ name }) => name),
    parameters: Object.entries(message.parameters)
      .filter(([, { parameterChoice }]) => parameterChoice.case !== undefined)
      .map(([key, { parameterChoice }]) => [key, parameterChoice.value])
      .sort(byKey),
    classifications: classes.size === 0 ? undefined : classes,
    inputs: tensors,
  };
}

/** The codec's result, as `meaningOf` writes it. */
export function comparable(request: InferRequest): Meaning {
  return {
    ...request,
    parameters: [...request.parameters].sort(byKey),
    inputs: request.inputs.map((tensor) => ({ ...tensor, data: quiet(tensor.datatype, tensor.data) })),
  };
}

/**
 * A signalling NaN of 32 bits does not live through JavaScript's numbers, where the library puts it: both sides are compared with
 * theirs made quiet.
 */
function quiet(datatype: Datatype, data: Uint8Array): Buffer {
  const bytes = Buffer.from(data);
  if (datatype !== 'FP32') return bytes;
  for (let at = 0; at + 4 <= bytes.length; at += 4)
    if (Number.isNaN(bytes.readFloatLE(at))) bytes[at + 2] = (bytes[at + 2] as number) | 0x40;
  return bytes;
}

function typedBytes({ contents }: Input, datatype: Datatype): Uint8Array | undefined | string {
  if (contents === undefined) return undefined;
  const own = TYPED[datatype];
  if (own === undefined) return 'raw only';
  const [field, pack] = own;
  for (const other of FIELDS)
    if (other !== field && (contents[other] as unknown[]).length > 0) return 'another field';
  const values = contents[field];
  const range = RANGES[datatype];
  if (range !== undefined && (values as number[]).some((value) => value < range[0] || value > range[1]))
    return 'an element out of range';
  return pack(values as never);
}

function has(parameters: Parameters, key: string): boolean {
  return Object.hasOwn(parameters, key) && parameters[key]?.parameterChoice.case !== undefined;
}

function byKey([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}

function bytesOf(array: { readonly buffer: ArrayBuffer }): Uint8Array {
  return new Uint8Array(array.buffer);
}

function prefixed(elements: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(element.length);
      return [length, element];
    }),
  );
}
