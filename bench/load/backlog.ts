/** What is known of a call that was meant to start and could not be opened yet. */
export interface Waiting {
  intendedMs: number;
  template: number;
  body: number;
}

const FIRST_CAPACITY = 1024;

/**
 * Calls that wait for a stream, first in, first out: 16 bytes each, since an overloaded server can keep very many waiting
 * for the length of a run.
 */
export class Backlog {
  #intended = new Float64Array(FIRST_CAPACITY);
  #which = new Uint32Array(2 * FIRST_CAPACITY);
  #head = 0;
  #length = 0;
  /** The same object with every `shift`. */
  readonly #out: Waiting = { intendedMs: 0, template: 0, body: 0 };

  get length(): number {
    return this.#length;
  }

  /** When the first of them was meant to start; Infinity when none waits. */
  get firstMs(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#intended[this.#head] as number);
  }

  /** The template of the first of them; 0 when none waits. */
  get firstTemplate(): number {
    return this.#length === 0 ? 0 : (this.#which[2 * this.#head] as number);
  }

  push(intendedMs: number, template: number, body: number): void {
    if (this.#length === this.#intended.length) this.#grow();
    const at = (this.#head + this.#length++) % this.#intended.length;
    this.#intended[at] = intendedMs;
    this.#which[2 * at] = template;
    this.#which[2 * at + 1] = body;
  }

  /** Takes the first; its values are good until the next `shift`. Only while something waits. */
  shift(): Waiting {
    const out = this.#out;
    out.intendedMs = this.#intended[this.#head] as number;
    out.template = this.#which[2 * this.#head] as number;
    out.body = this.#which[2 * this.#head + 1] as number;
    this.#head = (this.#head + 1) % this.#intended.length;
    this.#length--;
    return out;
  }

  #grow(): void {
    const capacity = this.#intended.length;
    const intended = new Float64Array(2 * capacity);
    const which = new Uint32Array(4 * capacity);
    for (let i = 0; i < capacity; i++) {
      const from = (this.#head + i) % capacity;
      intended[i] = this.#intended[from] as number;
      which[2 * i] = this.#which[2 * from] as number;
      which[2 * i + 1] = this.#which[2 * from + 1] as number;
    }
    this.#intended = intended;
    this.#which = which;
    this.#head = 0;
  }
}
