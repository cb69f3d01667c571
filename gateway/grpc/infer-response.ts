import { freeBuffer } from '../core/free-buffer.js';
import type { InferResult } from '../core/infer-call.js';
import type { Tensor } from '../core/tensor.js';
import type { Message } from '../core/transport.js';
import { bytesFieldSize, stringFieldSize, varintSize, WireWriter } from './wire-writer.js';

interface OutputSize {
  /** Bytes of the whole InferOutputTensor, and of its packed shape. */
  readonly message: number;
  readonly shape: number;
}

/**
 * A ModelInferResponse, written by hand (fields of proto/inference/grpc_service.proto) straight into the transport's frame:
 * outputs always as raw_output_contents, index by index. Once written, the memory of what it was made from is given back.
 */
export class InferResponse implements Message {
  readonly byteLength: number;
  readonly #result: InferResult;
  readonly #body: Uint8Array | undefined;
  readonly #version: string;
  readonly #sizes: readonly OutputSize[];

  /** @param body of the request, which nobody reads any more once the answer was written */
  constructor(result: InferResult, body?: Uint8Array) {
    this.#result = result;
    this.#body = body;
    this.#version = String(result.version);
    const { outputs, model, id } = result;
    this.#sizes = outputs.map(outputSize);
    let size = stringFieldSize(model) + stringFieldSize(this.#version) + stringFieldSize(id);
    for (let index = 0; index < outputs.length; index++) {
      const { message } = this.#sizes[index] as OutputSize;
      const output = outputs[index] as Tensor;
      size += 1 + varintSize(message) + message + bytesFieldSize(output.data.length);
    }
    this.byteLength = size;
  }

  copy(target: Buffer, offset: number): void {
    const { model, id, outputs, release } = this.#result;
    const writer = new WireWriter(target, offset, this.byteLength);
    writer.string(1, model);
    writer.string(2, this.#version);
    writer.string(3, id);
    for (let index = 0; index < outputs.length; index++) {
      const output = outputs[index] as Tensor;
      const { message, shape } = this.#sizes[index] as OutputSize;
      writer.head(5, message);
      writer.string(1, output.name);
      writer.string(2, output.datatype);
      if (shape > 0) writer.head(3, shape);
      for (const dim of output.shape) writer.varint(dim);
    }
    for (const output of outputs) writer.bytes(6, output.data);
    writer.finish();
    release?.();
    if (this.#body !== undefined) freeBuffer(this.#body);
  }
}

function outputSize(output: Tensor): OutputSize {
  let shape = 0;
  for (const dim of output.shape) shape += varintSize(dim);
  const packed = shape === 0 ? 0 : bytesFieldSize(shape);
  return { message: stringFieldSize(output.name) + stringFieldSize(output.datatype) + packed, shape };
}
