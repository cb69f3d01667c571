import { freeBuffer } from '../../core/free-buffer.js';
import type { InferResult } from '../../core/infer-call.js';
import type { Tensor } from '../../core/tensor.js';
import { tensorflowNumber } from '../../core/tfs/datatype-names.js';
import { DEFAULT_SIGNATURE } from '../../core/tfs/model-spec.js';
import type { Message } from '../../core/transport.js';
import { bytesFieldSize, stringFieldSize, varintSize, WireWriter } from '../wire-writer.js';
import { type TensorEncoding, type TensorValues, tensorValues } from './tensor-values.js';

interface OutputSize {
  readonly values: TensorValues;
  /** Bytes of the map's entry, of the TensorProto in it, and of the TensorShapeProto in that. */
  readonly entry: number;
  readonly tensor: number;
  readonly shape: number;
}

/**
 * A PredictResponse, written by hand (fields of proto/tensorflow_serving/apis/predict.proto) straight into the transport's frame.
 * Once written, the memory of what it was made from is given back.
 */
export class PredictResponse implements Message {
  readonly byteLength: number;
  readonly #result: InferResult;
  readonly #body: Uint8Array | undefined;
  readonly #sizes: readonly OutputSize[];
  readonly #spec: number;

  /** @param body of the request, which nobody reads any more once the answer was written */
  constructor(result: InferResult, encoding: TensorEncoding, body?: Uint8Array) {
    this.#result = result;
    this.#body = body;
    this.#sizes = result.outputs.map((output) => outputSize(output, encoding));
    this.#spec =
      stringFieldSize(result.model) +
      bytesFieldSize(1 + varintSize(result.version)) +
      stringFieldSize(DEFAULT_SIGNATURE);
    let size = bytesFieldSize(this.#spec);
    for (const { entry } of this.#sizes) size += bytesFieldSize(entry);
    this.byteLength = size;
  }

  copy(target: Buffer, offset: number): void {
    const { model, version, outputs, release } = this.#result;
    const writer = new WireWriter(target, offset, this.byteLength);
    for (let index = 0; index < outputs.length; index++)
      writeOutput(writer, outputs[index] as Tensor, this.#sizes[index] as OutputSize);
    writer.head(2, this.#spec);
    writer.string(1, model);
    writer.head(2, 1 + varintSize(version));
    writer.number(1, version);
    writer.string(3, DEFAULT_SIGNATURE);
    writer.finish();
    release?.();
    if (this.#body !== undefined) freeBuffer(this.#body);
  }
}

function outputSize(output: Tensor, encoding: TensorEncoding): OutputSize {
  const values = tensorValues(output, encoding);
  let shape = 0;
  for (const dim of output.shape) shape += 2 + dimSize(dim);
  const { field, bytes } = values;
  const content = bytes.length === 0 || field === 0 ? bytes.length : bytesFieldSize(bytes.length);
  const tensor = 1 + varintSize(tensorflowNumber(output.datatype)) + bytesFieldSize(shape) + content;
  return { values, entry: stringFieldSize(output.name) + bytesFieldSize(tensor), tensor, shape };
}

/** Bytes of a Dim: proto3 leaves a 0 out. */
function dimSize(dim: number): number {
  return dim === 0 ? 0 : 1 + varintSize(dim);
}

function writeOutput(writer: WireWriter, output: Tensor, { values, entry, tensor, shape }: OutputSize): void {
  writer.head(1, entry);
  writer.string(1, output.name);
  writer.head(2, tensor);
  writer.number(1, tensorflowNumber(output.datatype));
  writer.head(2, shape);
  for (const dim of output.shape) {
    writer.head(2, dimSize(dim));
    if (dim !== 0) writer.number(1, dim);
  }
  const { field, bytes } = values;
  if (field === 0) writer.raw(bytes);
  else if (bytes.length > 0) writer.bytes(field, bytes);
}
