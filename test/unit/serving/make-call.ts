import { Cancellation } from '../../../gateway/core/cancellation.js';
import type { Datatype } from '../../../gateway/core/datatype.js';
import type { InferCall, InferResult, Lease } from '../../../gateway/core/infer-call.js';
import type { Manifest } from '../../../gateway/core/manifest.js';
import type { Signature, TensorSpec } from '../../../gateway/core/model.js';
import type { Tensor } from '../../../gateway/core/tensor.js';

export function spec(name: string, datatype: Datatype, shape: readonly number[]): TensorSpec {
  return { name, datatype, shape };
}

/** A tensor with zeros, of as many bytes as its shape says unless told otherwise. */
export function tensor(name: string, shape: readonly unknown[], over: Partial<Tensor> = {}): Tensor {
  const elements = shape.reduce<number>((product, dim) => product * Number(dim), 1);
  const bytes = elements >= 0 && elements < 1e6 ? elements * 4 : 16;
  return { name, datatype: 'FP32', shape: shape as number[], data: new Uint8Array(bytes), ...over };
}

/** BYTES data: each element with its length in front. */
export function bytesData(...elements: (string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    elements.flatMap((element) => {
      const text = Buffer.from(element as string);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return [length, text];
    }),
  );
}

/** Like iris: X [-1,4] to label and probabilities, at most 8 rows. */
const IRIS: Signature = {
  inputs: [spec('X', 'FP32', [-1, 4])],
  outputs: [spec('label', 'INT64', [-1]), spec('probabilities', 'FP32', [-1, 3])],
  batchable: true,
  maxBatchSize: 8,
};

export function manifest(signature: Partial<Signature> = {}, model = 'iris', version = 2): Manifest {
  return {
    model,
    version,
    signature: { ...IRIS, ...signature },
    preparedPath: '/nowhere/model.onnx',
    batchCheck: 'verified',
    latency: [],
    sha256: '',
    bytes: 1,
    warnings: [],
  };
}

export function call(over: Partial<InferCall> = {}): InferCall {
  return {
    model: 'iris',
    version: '',
    id: 'r1',
    inputs: [tensor('X', [1, 4])],
    outputs: [],
    parameters: new Map(),
    deadline: Number.POSITIVE_INFINITY,
    cancellation: new Cancellation(),
    arrivedAt: 0,
    ...over,
  };
}

export function result(over: Partial<InferResult> = {}): InferResult {
  const timing = { queueMs: 1, computeMs: 2, batchRows: 1 };
  return { model: 'iris', version: 2, id: 'r1', outputs: [], timing, ...over };
}

/** A lease that counts its releases. */
export function countedLease(of: Manifest = manifest()): Lease & { released: number } {
  return {
    manifest: of,
    released: 0,
    release() {
      this.released++;
    },
  };
}
