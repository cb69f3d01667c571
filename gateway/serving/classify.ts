import type { Datatype } from '../core/datatype.js';
import { quote } from '../core/error.js';
import type { InferCall, InferResult, LeasedInfer } from '../core/infer-call.js';
import type { Manifest } from '../core/manifest.js';
import { fixed6 } from '../core/printf.js';
import type { Tensor } from '../core/tensor.js';
import { refusal } from './refuse.js';
import { type Numbers, topIndices } from './top-classes.js';

/** Elements of one output that are looked at for its classes, as in Triton; here of all rows together. */
const MAX_ELEMENTS = 1_000_000;

type NumbersType = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Numbers;

/** The datatypes that can be classified, as in Triton: numbers that JavaScript has arrays of. */
const ARRAYS: Readonly<Partial<Record<Datatype, NumbersType & { readonly BYTES_PER_ELEMENT: number }>>> = {
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

/**
 * The layer of Triton's classification extension: an output for which the call wants classes is answered by the strings
 * `value:index` or `value:index:label` of the largest elements of each row. Behind `validate`: the outputs exist.
 */
export function classify(next: LeasedInfer): LeasedInfer {
  return (call, lease) => {
    const { classifications } = call;
    if (classifications === undefined) return next(call, lease);
    try {
      checkDatatypes(call, lease.manifest);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    return next(call, lease).then((result) => classifyResult(call, result, lease.manifest));
  };
}

/** What cannot be classified is refused before it is run. */
function checkDatatypes(call: InferCall, { signature }: Manifest): void {
  for (const { name, datatype } of signature.outputs) {
    if (!call.classifications?.has(name) || ARRAYS[datatype] !== undefined) continue;
    // Triton's words: clients search for them.
    const message = `class result not available for output ${quote(name)} due to unsupported type '${datatype}'`;
    throw refusal(call, 'outputs.parameters', message);
  }
}

function classifyResult(call: InferCall, result: InferResult, { signature }: Manifest): InferResult {
  const outputs = result.outputs.map((output) => {
    const count = call.classifications?.get(output.name);
    if (count === undefined) return output;
    if (output.shape.reduce((product, dim) => product * dim, 1) > MAX_ELEMENTS)
      throw refusal(
        call,
        'outputs.parameters',
        `classification output tensor too large: output ${quote(output.name)} has shape [${output.shape}], at most ${MAX_ELEMENTS} elements are looked at`,
      );
    const labels = signature.outputs.find(({ name }) => name === output.name)?.labels;
    return topClasses(output, count, labels, signature.batchable);
  });
  return { ...result, outputs };
}

/**
 * A tensor of numbers as a BYTES tensor of its largest elements, `[rows, n]` or, unbatched, `[n]`: `value:index` with the
 * value as C++'s `std::to_string` prints it, and `:label` where the class has one.
 */
function topClasses(
  { name, datatype, shape, data }: Tensor,
  count: number,
  labels: readonly string[] | undefined,
  batched: boolean,
): Tensor {
  const rows = batched && shape.length > 0 ? (shape[0] as number) : undefined;
  const classes = (rows === undefined ? shape : shape.slice(1)).reduce((product, dim) => product * dim, 1);
  const values = numbersOf(datatype, data);
  const lines: Buffer[] = [];
  for (let row = 0; row < (rows ?? 1); row++) {
    const from = row * classes;
    for (const index of topIndices(values, from, from + classes, count)) {
      const value = values[from + index] as number | bigint;
      const label = labels?.[index];
      const text = `${textOf(value, datatype)}:${index}${label === undefined || label === '' ? '' : `:${label}`}`;
      const line = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
      line.writeUInt32LE(line.length - 4, 0);
      line.write(text, 4);
      lines.push(line);
    }
  }
  const wide = Math.min(count, classes);
  return {
    name,
    datatype: 'BYTES',
    shape: rows === undefined ? [wide] : [rows, wide],
    data: Buffer.concat(lines),
  };
}

function textOf(value: number | bigint, datatype: Datatype): string {
  return datatype === 'FP32' || datatype === 'FP64' ? fixed6(value as number) : String(value);
}

/** The elements of a tensor, over its own bytes where their alignment allows it. */
function numbersOf(datatype: Datatype, data: Uint8Array): Numbers {
  const Type = ARRAYS[datatype];
  if (Type === undefined) return [];
  const aligned = data.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? data : data.slice();
  return new Type(
    aligned.buffer,
    aligned.byteOffset,
    Math.floor(aligned.byteLength / Type.BYTES_PER_ELEMENT),
  );
}
