/** The ONNX conformance vectors that test/interop/vectors.py wrote, and how answers are judged by them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Datatype } from '../../gateway/core/datatype.js';
import { float16Value } from '../../gateway/core/half.js';

/** A tensor with its bytes, as raw contents have them. */
export interface VectorTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface Vector {
  /** Who made it: the generators of today's `onnx`, or files stored by an older release. */
  readonly source: 'generated' | 'stored';
  readonly name: string;
  /** Its model's directory in the repository. */
  readonly model: string;
  readonly rtol: number;
  readonly atol: number;
  /** Why its values cannot be sent as plain tensors. */
  readonly notPlain?: string;
  readonly inputs: readonly VectorTensor[];
  readonly outputs: readonly VectorTensor[];
}

interface StoredTensor extends Omit<VectorTensor, 'data'> {
  readonly bytes: number;
}

interface StoredVector extends Omit<Vector, 'inputs' | 'outputs'> {
  /** Where its tensors begin in tensors.bin: inputs, then outputs. */
  readonly at: number;
  readonly inputs: readonly StoredTensor[];
  readonly outputs: readonly StoredTensor[];
}

export function readVectors(folder: string): Vector[] {
  const bytes = readFileSync(join(folder, 'tensors.bin'));
  const stored = JSON.parse(readFileSync(join(folder, 'vectors.json'), 'utf8')) as StoredVector[];
  return stored.map((vector) => {
    let at = vector.at;
    const withData = (tensor: StoredTensor): VectorTensor => {
      const data = Uint8Array.prototype.slice.call(bytes, at, at + tensor.bytes);
      at += tensor.bytes;
      return { ...tensor, data };
    };
    return { ...vector, inputs: vector.inputs.map(withData), outputs: vector.outputs.map(withData) };
  });
}

/** What is wrong with answers by a vector's expected outputs; undefined when nothing is. */
export function fault(actual: readonly VectorTensor[], vector: Vector): string | undefined {
  for (const [i, expected] of vector.outputs.entries()) {
    const answer = actual[i];
    if (answer === undefined) return `output ${expected.name} is missing`;
    if (answer.datatype !== expected.datatype) return `${expected.name} is ${answer.datatype}`;
    if (answer.shape.join() !== expected.shape.join())
      return `${expected.name} has shape [${answer.shape}], wanted [${expected.shape}]`;
    if (Buffer.compare(answer.data, expected.data) === 0) continue;
    const [a, b] = [floats(answer), floats(expected)];
    if (a === undefined || b === undefined) return `${expected.name} differs`;
    for (let at = 0; at < b.length; at++) {
      const [x, y] = [a[at] as number, b[at] as number];
      const close = Object.is(x, y) || x === y || Math.abs(x - y) <= vector.atol + vector.rtol * Math.abs(y);
      if (!close) return `${expected.name} is ${x} at ${at}, wanted ${y}`;
    }
  }
  return undefined;
}

function floats({ datatype, data }: VectorTensor): ArrayLike<number> | undefined {
  const { buffer } = new Uint8Array(data);
  if (datatype === 'FP32') return new Float32Array(buffer);
  if (datatype === 'FP64') return new Float64Array(buffer);
  return datatype === 'FP16' ? Float32Array.from(new Uint16Array(buffer), float16Value) : undefined;
}
