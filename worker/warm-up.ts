import { GatewayError, quote } from '../gateway/core/error.js';
import type { Runnable } from './probe.js';
import type { GivenInputs, LoadSpec, WarmUpData } from './protocol.js';
import { sampleInputs } from './sample-inputs.js';
import { warmUpInputs } from './warm-up-inputs.js';

/** Variable dimensions other than the first, in a made-up row. */
const WARM_UP_DIM = 4;

/**
 * The first run of a session is slow: it is made here, on the samples of its configuration, else on golden rows, else on one row that is
 * always the same (floats of -1, integers of 1). A model that refuses that row is not a broken one; one that refuses a sample cannot serve
 * what it was meant for. Throws FAILED_PRECONDITION naming the sample.
 */
export async function warmUp(
  session: Runnable,
  spec: Pick<LoadSpec, 'inputs' | 'outputs' | 'warmUp' | 'goldenRows'>,
): Promise<void> {
  if (spec.warmUp !== undefined) return runSamples(session, spec, spec.warmUp);
  if (spec.goldenRows !== undefined) return runGolden(session, spec, spec.goldenRows);
  const inputs = sampleInputs(spec.inputs, { rows: 1, other: WARM_UP_DIM }, () => 0);
  if (inputs === undefined) return;
  try {
    await session.run(
      inputs,
      spec.outputs.map((output) => output.name),
    );
  } catch {
    // It will be warm after its first real run.
  }
}

async function runGolden(
  session: Runnable,
  { outputs }: Pick<LoadSpec, 'outputs'>,
  rows: readonly GivenInputs[],
): Promise<void> {
  const names = outputs.map((output) => output.name);
  for (const row of rows) {
    const inputs = row.map(({ base64, ...tensor }) => ({
      ...tensor,
      data: new Uint8Array(Buffer.from(base64, 'base64')),
    }));
    try {
      await session.run(inputs, names);
    } catch (error) {
      const { message } = GatewayError.from(error);
      throw new GatewayError('FAILED_PRECONDITION', `a golden row: ${message}`, {
        reason: 'model_error',
        cause: error,
      });
    }
  }
}

async function runSamples(
  session: Runnable,
  { inputs: specs, outputs }: Pick<LoadSpec, 'inputs' | 'outputs'>,
  warmUp: WarmUpData,
): Promise<void> {
  const names = outputs.map((output) => output.name);
  for (const sample of warmUp.samples) {
    try {
      const inputs = await warmUpInputs(sample, specs, warmUp);
      for (let i = 0; i < Math.max(1, sample.count); i++) await session.run(inputs, names);
    } catch (error) {
      const { message } = GatewayError.from(error);
      throw new GatewayError('FAILED_PRECONDITION', `model_warmup sample ${quote(sample.name)}: ${message}`, {
        reason: 'model_error',
        cause: error,
      });
    }
  }
}
