/**
 * TensorFlow Serving's Predict: only what a request needs of tensorflow_serving/apis/predict.proto, model.proto and
 * tensorflow/core/framework/tensor.proto, written by field number.
 */
import type { NamedTensor } from '../inputs/samples.js';
import { BenchUsageError } from '../usage-error.js';
import { ProtobufWriter } from './protobuf-writer.js';

export const TFS_PREDICT = '/tensorflow.serving.PredictionService/Predict';

/** tensorflow.DataType by Open Inference Protocol name. */
const DATA_TYPE: Readonly<Record<string, number>> = {
  FP32: 1,
  FP64: 2,
  INT32: 3,
  UINT8: 4,
  INT16: 5,
  INT8: 6,
  BYTES: 7,
  INT64: 9,
  BOOL: 10,
  BF16: 14,
  UINT16: 17,
  FP16: 19,
  UINT32: 22,
  UINT64: 23,
};

export interface PredictCall {
  readonly model: string;
  /** `''`: the server chooses. */
  readonly version: string;
  readonly signatureName: string;
  readonly tensors: readonly NamedTensor[];
  /** FP32 as `float_val`, packed, in place of tensor_content. @default false */
  readonly floatVal?: boolean;
}

/** A PredictRequest in bytes. Throws BenchUsageError on a datatype that TensorFlow lacks. */
export function encodePredict({
  model,
  version,
  signatureName,
  tensors,
  floatVal = false,
}: PredictCall): Uint8Array {
  const spec = new ProtobufWriter().bytes(1, model);
  if (version !== '') spec.bytes(2, new ProtobufWriter().integer(1, Number(version)).finish());
  if (signatureName !== '') spec.bytes(3, signatureName);
  const request = new ProtobufWriter().bytes(1, spec.finish());
  for (const tensor of tensors) {
    // A map field is a list of (key = 1, value = 2).
    request.bytes(
      2,
      new ProtobufWriter().bytes(1, tensor.name).bytes(2, tensorProto(tensor, floatVal)).finish(),
    );
  }
  return request.finish();
}

function tensorProto({ name, datatype, shape, data }: NamedTensor, floatVal: boolean): Uint8Array {
  const type = Object.hasOwn(DATA_TYPE, datatype) ? DATA_TYPE[datatype] : undefined;
  if (type === undefined) {
    throw new BenchUsageError([
      `Input "${name}" is ${datatype}; TensorFlow Serving takes ${Object.keys(DATA_TYPE).join(', ')}`,
    ]);
  }
  const dims = new ProtobufWriter();
  for (const size of shape) dims.bytes(2, new ProtobufWriter().integer(1, size).finish());
  const writer = new ProtobufWriter().integer(1, type).bytes(2, dims.finish());
  if (datatype === 'FP32' && floatVal) return writer.bytes(5, data).finish();
  if (datatype !== 'BYTES') return writer.bytes(4, data).finish();
  // tensor_content of strings has a form of its own; string_val is what every client sends.
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let offset = 0; offset < data.length; ) {
    const length = view.getUint32(offset, true);
    writer.bytes(8, data.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return writer.finish();
}
