import { monotonicMs } from '../gateway/core/clock.js';
import { GatewayError, quote } from '../gateway/core/error.js';
import { elementCount } from '../gateway/core/tensor.js';
import type { SessionResult } from './onnx-runtime.js';
import type { LoadSpec, WireTensor } from './protocol.js';

/** What runs a model: a session, or this around one. */
type Run = (inputs: readonly WireTensor[], outputs: readonly string[]) => Promise<SessionResult>;

/**
 * A run that answers outputs which are nothing but an input (`passedFrom`) with that input's own bytes, and keeps the strings of
 * inputs that nothing looks into (`opaque`) from the runtime, which could not take them all. Without either it is `run` itself.
 * Where no other output is wanted, nothing is run.
 */
export function passingRun(run: Run, { inputs, outputs }: Pick<LoadSpec, 'inputs' | 'outputs'>): Run {
  const opaque = new Set(inputs.filter((input) => input.opaque).map(({ name }) => name));
  const passed = new Map(
    outputs.flatMap(({ name, passedFrom }) =>
      passedFrom === undefined ? [] : [[name, passedFrom] as const],
    ),
  );
  if (opaque.size === 0 && passed.size === 0) return run;
  return async (given, wanted) => {
    const computed = wanted.filter((name) => !passed.has(name));
    const seen = given.map((tensor) => (opaque.has(tensor.name) ? emptyStrings(tensor) : tensor));
    const result = computed.length > 0 ? await run(seen, computed) : nothingRun();
    const answers = new Map(result.outputs.map((tensor) => [tensor.name, tensor]));
    const handedOn = new Set<WireTensor>();
    for (const name of wanted) {
      const from = passed.get(name);
      if (from === undefined) continue;
      const input = given.find((tensor) => tensor.name === from);
      if (input === undefined) throw missing(name, from);
      // Each output owns its buffer: an input's can be given away once.
      answers.set(name, { ...input, name, data: handedOn.has(input) ? input.data.slice() : input.data });
      handedOn.add(input);
    }
    return { ...result, outputs: wanted.map((name) => answers.get(name) as WireTensor) };
  };
}

/** As many strings: the runtime wants a value for every input, and the shape may matter to it. */
function emptyStrings(tensor: WireTensor): WireTensor {
  return { ...tensor, data: new Uint8Array(elementCount(tensor.shape) * 4) };
}

function nothingRun(): SessionResult {
  const now = monotonicMs();
  return { outputs: [], startedAt: now, endedAt: now };
}

function missing(output: string, input: string): GatewayError {
  return new GatewayError(
    'INVALID_ARGUMENT',
    `output ${quote(output)} is input ${quote(input)}, which is missing`,
    { reason: 'bad_request' },
  );
}
