import type { VersionState, VersionStatus } from '../core/catalog.js';
import type { Manifest } from '../core/manifest.js';
import type { FileFacts, FoundVersion } from './found.js';
import { transition } from './model-state.js';

/** Longest reason that is kept, in characters: it is listed to clients. */
const MAX_REASON_CHARS = 500;

/** One version in the registry: its state, its manifest once prepared, and how many hold it. */
export class VersionEntry {
  readonly model: string;
  readonly version: number;
  #state: VersionState = 'discovered';
  #holds = 0;
  /** Why it failed or was left out; `''` otherwise. */
  reason = '';
  /** The file as last found; undefined once it is gone. */
  found: FoundVersion | undefined;
  /** The file that the last attempt to load was made with. */
  tried: FileFacts | undefined;
  manifest: Manifest | undefined;
  /** Set when the workers are being told to let it go. */
  unloading = false;
  /** Set by whoever retries failed loads; nobody does yet. */
  retryDue = false;

  constructor(model: string, version: number) {
    this.model = model;
    this.version = version;
  }

  get state(): VersionState {
    return this.#state;
  }

  get holds(): number {
    return this.#holds;
  }

  /** The one setter of the state; throws on an illegal step. */
  become(state: VersionState, reason = ''): void {
    this.#state = transition(this.#state, state);
    const text = reason.toWellFormed();
    this.reason = text.length > MAX_REASON_CHARS ? `${text.slice(0, MAX_REASON_CHARS)}…` : text;
  }

  /** Counts a holder; returns its release, which is idempotent and tells `released`. */
  hold(released: (entry: VersionEntry) => void): () => void {
    this.#holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      released(this);
    };
  }

  status(): VersionStatus {
    return { model: this.model, version: this.version, state: this.#state, reason: this.reason };
  }
}
