import { GatewayError, quote } from '../gateway/core/error.js';
import type { SessionResult } from './onnx-runtime.js';
import type { LoadSpec, WireTensor } from './protocol.js';
import { openSession, type RuntimeSession } from './runtime-session.js';

/** The model versions that this worker holds, each warm. */
export class Sessions {
  readonly #sessions = new Map<string, RuntimeSession>();

  /** Loads a version, ready to run. A version that is held already is loaded anew. Throws FAILED_PRECONDITION. */
  async load(spec: LoadSpec): Promise<void> {
    let session: RuntimeSession;
    try {
      session = await openSession(spec);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown reason';
      throw new GatewayError('FAILED_PRECONDITION', `failed to load ${quote(spec.key)}: ${reason}`, {
        reason: 'model_error',
        cause: error,
      });
    }
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

  /** Runs a version. Throws a GatewayError as `RuntimeSession.run` does, INTERNAL when it is not held. */
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
