import { OnnxSession, type SessionResult } from './onnx-runtime.js';
import { passingRun } from './passing-session.js';
import type { LoadSpec, WireTensor } from './protocol.js';
import { reshapedRun } from './reshaped-session.js';
import { sampleInputs } from './sample-inputs.js';
import { WaitingSession } from './waiting-runtime.js';
import { isWaitingModel } from './waiting-spec.js';

/** A loaded model version, whatever runs it. */
export interface RuntimeSession {
  /** One at a time. The inputs' buffers must not be touched after; the outputs own theirs. Throws a GatewayError. */
  run(inputs: readonly WireTensor[], outputs: readonly string[]): Promise<SessionResult>;
  /** Frees its memory. It must not be used after. */
  release(): Promise<void>;
}

/** Variable dimensions other than the first, in the warm-up run. */
const WARM_UP_DIM = 4;

/** Loads a version with the runtime that its file is for, and makes it warm. Throws FAILED_PRECONDITION. */
export async function openSession(spec: LoadSpec): Promise<RuntimeSession> {
  if (isWaitingModel(spec.modelPath)) return WaitingSession.create(spec.modelPath);
  const { modelPath, intraOpThreads, runtime } = spec;
  const session = await OnnxSession.create(modelPath, { intraOpThreads, ...runtime });
  const passing = passingRun((inputs, outputs) => session.run(inputs, outputs), spec);
  const run = reshapedRun(passing, spec);
  await warmUp({ run }, spec);
  return { run, release: () => session.release() };
}

/**
 * The first run of a session is slow: it is made here, on one row that is always the same (floats of -1, integers of 1). A
 * model that refuses it is not a broken one.
 */
export async function warmUp(
  session: Pick<RuntimeSession, 'run'>,
  spec: Pick<LoadSpec, 'inputs' | 'outputs'>,
): Promise<void> {
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
