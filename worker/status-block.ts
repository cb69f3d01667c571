import { Phase, StatusWord } from './protocol.js';

/** The worker's side of the status block: claims the thread for native work, which must not be interrupted. */
export class StatusBlock {
  readonly #words: Int32Array;

  constructor(bytes: SharedArrayBuffer) {
    this.#words = new Int32Array(bytes);
  }

  /** Claims the thread for the message `id`. False when the gateway has fenced it: nothing may be begun any more. */
  claim(id: number): boolean {
    // The id first: whoever sees the phase running must see whose run it is. A fenced thread's id is of no interest.
    Atomics.store(this.#words, StatusWord.runId, id);
    return Atomics.compareExchange(this.#words, StatusWord.phase, Phase.idle, Phase.running) === Phase.idle;
  }

  release(): void {
    Atomics.store(this.#words, StatusWord.phase, Phase.idle);
  }
}
