import type { CallTemplate } from '../contract.js';
import { seededRandom } from '../load/random.js';
import { encodeInfer, inferRequest, OIP_INFER } from '../targets/oip.js';
import { encodePredict, TFS_PREDICT } from '../targets/tfs.js';

/** How the elements of a request travel: the first two to ModelInfer, the others to Predict of TensorFlow Serving. */
export type Contents = 'raw' | 'fp32_contents' | 'tensor_content' | 'float_val';

export interface RequestSpec {
  readonly model: string;
  readonly input: string;
  /** Batch dimension included. */
  readonly shape: readonly number[];
  /** @default 'raw' */
  readonly contents?: Contents;
  /** How many different ones. @default 16 */
  readonly variants?: number;
}

/** Requests with seeded FP32 features, encoded: one template that takes them in turn. */
export function requestsFor(spec: RequestSpec): CallTemplate {
  const { model, input, shape, contents = 'raw', variants = 16 } = spec;
  const predicts = contents === 'tensor_content' || contents === 'float_val';
  const random = seededRandom(7);
  const count = shape.reduce((product, dim) => product * dim, 1);
  const bodies = Array.from({ length: variants }, () => {
    const values = Float32Array.from({ length: count }, () => random() * 4 - 1);
    const data = new Uint8Array(values.buffer);
    const tensors = [{ name: input, datatype: 'FP32', shape, data }];
    if (predicts) {
      const floatVal = contents === 'float_val';
      return encodePredict({ model, version: '', signatureName: '', tensors, floatVal });
    }
    const request = inferRequest(model, '', tensors);
    if (contents === 'raw') return encodeInfer(request);
    const inputs = request.inputs.map((one) => ({ ...one, contents: { fp32_contents: [...values] } }));
    return encodeInfer({ ...request, inputs, raw_input_contents: [] } as typeof request);
  });
  return { name: model, path: predicts ? TFS_PREDICT : OIP_INFER, bodies, weight: 1, rows: shape[0] ?? 1 };
}
