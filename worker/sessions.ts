import { GatewayError, quote } from '../gateway/core/error.js';
import { OnnxSession, type SessionResult } from './onnx-runtime.js';
import type { LoadSpec, WireTensor } from './protocol.js';
import { sampleInputs } from './sample-inputs.js';

/** Variable dimensions other than the first, in the warm-up run. */
const WARM_UP_DIM = 4;

/** The model versions that this worker holds, each warm. */
export class Sessions {
  readonly #sessions = new Map<string, OnnxSession>();

  /** Loads a version and runs it once. A version that is held already is loaded anew. Throws FAILED_PRECONDITION. */
  async load(spec: LoadSpec): Promise<void> {
    let session: OnnxSession;
    try {
      session = await OnnxSession.create(spec.modelPath, { intraOpThreads: spec.intraOpThreads });
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown reason';
      throw new GatewayError('FAILED_PRECONDITION', `failed to load ${quote(spec.key)}: ${reason}`, {
        reason: 'model_error',
        cause: error,
      });
    }
    await warmUp(session, spec);
    const former = this.#sessions.get(spec.key);
    this.#sessions.set(spec.key, session);
    await former?.release();
  }

  /** Frees a version's memory; nothing happens when it is not held. */
  async unload(key: string): Promise<void> {
    const session = this.#sessions.get(key);
    this.#sessions.delete(key);
    await session?.release();
  }

  /** Runs a version. Throws a GatewayError as `OnnxSession.run` does, INTERNAL when it is not held. */
  async run(key: string, inputs: readonly WireTensor[], outputs: readonly string[]): Promise<SessionResult> {
    const session = this.#sessions.get(key);
    if (session === undefined)
      throw new GatewayError('INTERNAL', `${quote(key)} is not loaded in this worker`, {
        reason: 'internal',
      });
    return session.run(inputs, outputs);
  }

  /** Frees everything. */
  async close(): Promise<void> {
    for (const key of [...this.#sessions.keys()]) await this.unload(key);
  }
}

/**
 * The first run of a session is slow: it is made here, on one row that is always the same (floats of -1, integers of 0). A
 * model that refuses it is not a broken one.
 */
export async function warmUp(
  session: OnnxSession,
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
