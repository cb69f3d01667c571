import { OnnxSession, type SessionResult } from './onnx-runtime.js';
import { passingRun } from './passing-session.js';
import type { LoadSpec, WireTensor } from './protocol.js';
import { reshapedRun } from './reshaped-session.js';
import { WaitingSession } from './waiting-runtime.js';
import { isWaitingModel } from './waiting-spec.js';
import { warmUp } from './warm-up.js';

/** A loaded model version, whatever runs it. */
export interface RuntimeSession {
  /** One at a time. The inputs' buffers must not be touched after; the outputs own theirs. Throws a GatewayError. */
  run(inputs: readonly WireTensor[], outputs: readonly string[]): Promise<SessionResult>;
  /** Frees its memory. It must not be used after. */
  release(): Promise<void>;
}

/** Loads a version with the runtime that its file is for, and makes it warm. Throws FAILED_PRECONDITION. */
export async function openSession(spec: LoadSpec): Promise<RuntimeSession> {
  if (isWaitingModel(spec.modelPath)) return WaitingSession.create(spec.modelPath);
  const { modelPath, intraOpThreads, runtime } = spec;
  const session = await OnnxSession.create(modelPath, { intraOpThreads, ...runtime });
  const passing = passingRun((inputs, outputs) => session.run(inputs, outputs), spec);
  const run = reshapedRun(passing, spec);
  try {
    await warmUp({ run }, spec);
  } catch (error) {
    await session.release();
    throw error;
  }
  return { run, release: () => session.release() };
}
