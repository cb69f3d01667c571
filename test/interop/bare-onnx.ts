/** onnxruntime-node alone, without a line of Sluice around it: what an answer through the gateway is held against. */
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Datatype } from '../../gateway/core/datatype.js';
import type { VectorTensor } from './vectors.js';

const TYPES: Readonly<Partial<Record<Datatype, Tensor.Type>>> = {
  BOOL: 'bool',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

const ARRAYS = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** All outputs of one run. Rejects with the runtime's own error. */
export async function runBare(path: string, inputs: readonly VectorTensor[]): Promise<VectorTensor[]> {
  const session = await InferenceSession.create(readFileSync(path), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  try {
    const feeds = Object.fromEntries(inputs.map((input) => [input.name, toBare(input)]));
    const answer = await session.run(feeds);
    return session.outputNames.map((name) => fromBare(name, answer[name] as Tensor));
  } finally {
    await session.release();
  }
}

function toBare({ datatype, shape, data }: VectorTensor): Tensor {
  const type = TYPES[datatype] as Tensor.Type;
  if (type === 'string') return new Tensor('string', splitStrings(data), shape);
  const ArrayType = ARRAYS[type as keyof typeof ARRAYS];
  const values = new ArrayType(data.slice().buffer);
  return { type, data: values, dims: shape, location: 'cpu' } as unknown as Tensor;
}

function fromBare(name: string, { type, dims, data }: Tensor): VectorTensor {
  const datatype = Object.entries(TYPES).find(([, known]) => known === type)?.[0] as Datatype;
  if (datatype === undefined) throw new Error(`output ${name} is ${type}`);
  const view = data as Float32Array;
  const bytes =
    type === 'string'
      ? joinStrings(data as string[])
      : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return { name, datatype, shape: dims, data: bytes };
}

function splitStrings(data: Uint8Array): string[] {
  const buffer = Buffer.from(data);
  const strings: string[] = [];
  for (let at = 0; at < buffer.length; ) {
    const length = buffer.readUInt32LE(at);
    strings.push(buffer.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

function joinStrings(strings: readonly string[]): Uint8Array {
  return Buffer.concat(
    strings.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );
}
