import { freeBuffer, worthFreeing } from '../core/free-buffer.js';
import type { Tensor } from '../core/tensor.js';

/** Counts who still reads a batch's outputs, and frees them after the last one. */
class Readers {
  readonly #outputs: readonly Tensor[];
  #count: number;

  constructor(outputs: readonly Tensor[], count: number) {
    this.#outputs = outputs;
    this.#count = count;
  }

  /** One reader's way to say that it is done; idempotent. */
  release(): () => void {
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.#count--;
      if (this.#count === 0) for (const { data } of this.#outputs) freeBuffer(data);
    };
  }
}

/** The readers of a run's outputs; undefined where these are too small to be worth the count. */
export function readersOf(outputs: readonly Tensor[], count: number): Pick<Readers, 'release'> | undefined {
  return outputs.some(({ data }) => worthFreeing(data)) ? new Readers(outputs, count) : undefined;
}
