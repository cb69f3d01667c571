import type { Scalar } from './datatype.js';
import { encodeTensor } from './encode-tensor.js';
import { SluiceClientError } from './error.js';
import type { JsonTensor } from './json-safe.js';
import { OutputTensor } from './output-tensor.js';
import type { WireContents, WireInferResponse, WireOutput } from './wire.js';

/** The answer to one request. Survives JSON.stringify. */
export interface Prediction<Outputs extends object = Record<string, JsonTensor>> {
  readonly model: string;
  /** The version that made this answer. */
  readonly version: string;
  /** The request id, `''` when none was given. */
  readonly id: string;
  readonly outputs: { readonly [Name in keyof Outputs]: OutputTensor<Outputs[Name]> };
}

/** Reads an answer; throws SluiceClientError INTERNAL when it contradicts itself. */
export function readPrediction<Outputs extends object>(response: WireInferResponse): Prediction<Outputs> {
  const { outputs, raw_output_contents: raw } = response;
  if (raw.length !== 0 && raw.length !== outputs.length) {
    const message = `Cannot read the answer: it has ${outputs.length} outputs and ${raw.length} raw contents`;
    throw new SluiceClientError('INTERNAL', message);
  }
  const read = outputs.map((output, index): [string, OutputTensor] => {
    const shape = output.shape.map(Number);
    const bytes = raw[index] ?? rawFromTyped(output, shape);
    return [output.name, OutputTensor.decode(output.name, output.datatype, shape, bytes)];
  });
  return {
    model: response.model_name,
    version: response.model_version,
    id: response.id,
    // fromEntries defines own properties, so an output named __proto__ is only a strange name.
    outputs: Object.fromEntries(read) as unknown as Prediction<Outputs>['outputs'],
  };
}

const CONTENTS_FIELD: Readonly<Record<string, keyof WireContents>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

/** Other servers of the protocol may answer typed contents: brought into the raw form, so that one reader is enough. */
function rawFromTyped(output: WireOutput, shape: readonly number[]): Uint8Array {
  const field = Object.hasOwn(CONTENTS_FIELD, output.datatype) ? CONTENTS_FIELD[output.datatype] : undefined;
  const values: readonly Scalar[] = (field === undefined ? undefined : output.contents?.[field]) ?? [];
  return encodeTensor(output.name, output.datatype, { shape, data: values }).data;
}
