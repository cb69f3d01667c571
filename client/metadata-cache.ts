import type { ModelMetadata } from './metadata.js';

/** How signatures are fetched, and how many are kept for how long. */
export interface MetadataCacheOptions {
  readonly fetch: (model: string, version: string) => Promise<ModelMetadata>;
  /** Milliseconds, on any monotonic scale. */
  readonly now: () => number;
  /** Model versions remembered; the one used longest ago gives way. @default 256 */
  readonly capacity?: number;
  /** Age in milliseconds below which an entry is not asked for again, whatever is wrong. @default 1000 */
  readonly minAgeMs?: number;
}

interface Entry {
  readonly metadata: Promise<ModelMetadata>;
  readonly fetchedAt: number;
  /** Which version answered when none was asked for. */
  answeredBy: string | undefined;
}

/** Remembers the signatures of models, so that a prediction costs one call. Callers that come together share a fetch. */
export class MetadataCache {
  readonly #fetch: MetadataCacheOptions['fetch'];
  readonly #now: () => number;
  readonly #capacity: number;
  readonly #minAgeMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(options: MetadataCacheOptions) {
    this.#fetch = options.fetch;
    this.#now = options.now;
    this.#capacity = options.capacity ?? 256;
    this.#minAgeMs = options.minAgeMs ?? 1000;
  }

  /** The signature of a model version (`''`: the one that the server chooses), fetched unless known. Failures are not kept. */
  get(model: string, version: string): Promise<ModelMetadata> {
    const key = keyOf(model, version);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      // A Map keeps the order of insertion: whoever is used goes to the end.
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.metadata;
    }
    const metadata = this.#fetch(model, version);
    const entry = this.#remember(key, metadata);
    metadata.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return metadata;
  }

  /** Takes over a signature that was just asked for by somebody else. */
  learn(model: string, version: string, metadata: ModelMetadata): void {
    const key = keyOf(model, version);
    this.#entries.delete(key);
    this.#remember(key, Promise.resolve(metadata));
  }

  #remember(key: string, metadata: Promise<ModelMetadata>): Entry {
    const entry: Entry = { metadata, fetchedAt: this.#now(), answeredBy: undefined };
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) break;
      this.#entries.delete(oldest);
    }
    return entry;
  }

  /**
   * Forgets an entry that may be out of date. False when it is too young for that to be likely: a client that keeps
   * sending bad requests would otherwise ask for the signature with each of them.
   */
  forget(model: string, version: string): boolean {
    const key = keyOf(model, version);
    const entry = this.#entries.get(key);
    if (entry === undefined) return true;
    if (this.#now() - entry.fetchedAt < this.#minAgeMs) return false;
    this.#entries.delete(key);
    return true;
  }

  /** Notes which version answered; when it is another one than before, the signature is fetched again next time. */
  answered(model: string, version: string, by: string): void {
    const key = keyOf(model, version);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.answeredBy ??= by;
    if (entry.answeredBy !== by) this.#entries.delete(key);
  }
}

/** A model's name has no slash. */
function keyOf(model: string, version: string): string {
  return `${model}/${version}`;
}
