import type { InferResult } from '../../core/infer-call.js';
import type { Tensor } from '../../core/tensor.js';
import { elementTexts, type NumberStyle } from '../json/tensor-writer.js';

/** An answer's body, and how many of its bytes are JSON where tensors follow it. */
export interface V2Answer {
  readonly body: Buffer | string;
  readonly jsonBytes: number | undefined;
}

/**
 * Writes the answer of an infer request: outputs for which `isBinary` says so as bytes behind the JSON, the others as flat lists of
 * numbers. Throws INVALID_ARGUMENT for strings that are not UTF-8, which only bytes can carry.
 */
export function inferAnswer(
  { model, version, id, outputs }: InferResult,
  isBinary: (output: string) => boolean,
  style: NumberStyle,
): V2Answer {
  const binary: Uint8Array[] = [];
  const parts = outputs.map((output) => {
    if (!isBinary(output.name)) return tensorJson(output, style);
    binary.push(output.data);
    return `${head(output)},"parameters":{"binary_data_size":${output.data.byteLength}}}`;
  });
  const idMember = id === '' ? '' : `"id":${JSON.stringify(id)},`;
  const json = `{${idMember}"model_name":${JSON.stringify(model)},"model_version":"${version}","outputs":[${parts.join()}]}`;
  if (binary.length === 0) return { body: json, jsonBytes: undefined };
  const first = Buffer.from(json);
  return { body: Buffer.concat([first, ...binary]), jsonBytes: first.length };
}

function head({ name, datatype, shape }: Tensor): string {
  return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join()}]`;
}

function tensorJson(tensor: Tensor, style: NumberStyle): string {
  const { texts, nonFinite } = elementTexts(tensor, style);
  // What was NaN or infinite is null: that it was is told.
  const told = nonFinite === 0 ? '' : `,"parameters":{"non_finite":${nonFinite}}`;
  return `${head(tensor)}${told},"data":[${texts.join()}]}`;
}
