import { GatewayError, quote } from '../gateway/core/error.js';
import { elementCount } from '../gateway/core/tensor.js';
import type { SessionResult } from './onnx-runtime.js';
import type { WireTensor } from './protocol.js';

/** An input or output whose shape in requests is not the one that the model has (`reshape` in config.pbtxt). */
interface Reshaped {
  readonly name: string;
  readonly shape: readonly number[];
  readonly modelShape?: readonly number[];
}

/** What runs a model: a session, or this around one. */
type Run = (inputs: readonly WireTensor[], outputs: readonly string[]) => Promise<SessionResult>;

/**
 * A run that takes and gives shapes as requests have them. Sizes are the same on both sides and only the first may be open,
 * so that nothing but the list of dimensions changes. Without a `reshape` it is `run` itself.
 */
export function reshapedRun(
  run: Run,
  { inputs, outputs }: { readonly inputs: readonly Reshaped[]; readonly outputs: readonly Reshaped[] },
): Run {
  const into = byName(inputs);
  const outOf = byName(outputs);
  if (into.size === 0 && outOf.size === 0) return run;
  return async (given, wanted) => {
    const seen = given.map((tensor) => {
      const spec = into.get(tensor.name);
      return spec === undefined ? tensor : withShape(tensor, spec.modelShape ?? []);
    });
    const result = await run(seen, wanted);
    const answered = result.outputs.map((tensor) => {
      const spec = outOf.get(tensor.name);
      return spec === undefined ? tensor : withShape(tensor, spec.shape);
    });
    return { ...result, outputs: answered };
  };
}

function byName(specs: readonly Reshaped[]): ReadonlyMap<string, Reshaped> {
  return new Map(specs.filter(({ modelShape }) => modelShape).map((spec) => [spec.name, spec]));
}

function withShape(tensor: WireTensor, pattern: readonly number[]): WireTensor {
  const shape = pattern.map((dim) => (dim === -1 ? (tensor.shape[0] ?? 1) : dim));
  if (elementCount(shape) !== elementCount(tensor.shape))
    throw new GatewayError(
      'INTERNAL',
      `the model's ${quote(tensor.name)} has shape [${tensor.shape}], which cannot be reshaped to [${shape}]`,
      { reason: 'model_error' },
    );
  return { ...tensor, shape };
}
