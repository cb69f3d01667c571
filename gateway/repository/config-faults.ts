import type { Place } from './pbtxt/pbtxt-error.js';

/** A model's configuration in Triton's tree, beside its version directories. */
export const CONFIG_FILE = 'config.pbtxt';

/** Most faults of one configuration that are told at once. */
const MAX_FAULTS = 5;

/** Collects what is wrong with a configuration, each with the place of its field where it came from a text. */
export class ConfigFaults {
  readonly #places: ReadonlyMap<string, Place | undefined>;
  readonly #faults: string[] = [];
  readonly #source: string;

  /**
   * @param places of every field that is given; undefined where that is not known
   * @param source what it was read from
   */
  constructor(places: ReadonlyMap<string, Place | undefined>, source = CONFIG_FILE) {
    this.#places = places;
    this.#source = source;
  }

  /** Whether the text names this field, be it with its default. */
  given(path: string): boolean {
    return this.#places.has(path);
  }

  /** `message` begins with the path. A field without a place of its own has that of the message it is in. */
  add(path: string, message: string): void {
    this.#faults.push(`${this.#source}${this.where(path)}: ${message}`);
  }

  /** `:3:5`, or nothing when no text is known. */
  where(path: string): string {
    for (let at = path; at !== ''; ) {
      const place = this.#places.get(at);
      if (place !== undefined) return `:${place.line}:${place.column}`;
      at = at.slice(0, Math.max(0, at.lastIndexOf('.'), at.lastIndexOf('[')));
    }
    return '';
  }

  get any(): boolean {
    return this.#faults.length > 0;
  }

  /** The first few faults, one after the other. */
  toString(): string {
    const more = this.#faults.length - MAX_FAULTS;
    return this.#faults.slice(0, MAX_FAULTS).join('; ') + (more > 0 ? `; and ${more} more` : '');
  }
}
