import { monotonicMs } from '../gateway/core/clock.js';
import { Phase, STARTED_AT, StatusWord } from './protocol.js';

/** The worker's side of the status block: claims the thread for native work, which must not be interrupted. */
export class StatusBlock {
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  constructor(bytes: SharedArrayBuffer) {
    this.#words = new Int32Array(bytes);
    this.#times = new Float64Array(bytes);
  }

  /** Claims the thread for the message `id`. False when the gateway has fenced it or given it up: nothing may be begun any more. */
  claim(id: number): boolean {
    // These first: whoever sees the phase running must see whose run it is. A fenced thread's are of no interest.
    this.#times[STARTED_AT] = monotonicMs();
    Atomics.store(this.#words, StatusWord.runId, id);
    if (Atomics.compareExchange(this.#words, StatusWord.phase, Phase.idle, Phase.running) !== Phase.idle)
      return false;
    if (Atomics.load(this.#words, StatusWord.givenUp) === 0) return true;
    this.release();
    return false;
  }

  release(): void {
    Atomics.store(this.#words, StatusWord.phase, Phase.idle);
  }
}
