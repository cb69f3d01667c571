import type { VersionState, VersionStatus } from '../core/catalog.js';
import type { Manifest } from '../core/manifest.js';
import { type FileFacts, type FoundVersion, sameFile } from './found.js';
import { transition } from './model-state.js';

/** Longest reason that is kept, in characters: it is listed to clients. */
const MAX_REASON_CHARS = 500;

/** What the workers hold of a version under one key: who began on it ends on it, whatever takes its place. */
export class LoadedCopy {
  readonly manifest: Manifest;
  #holds = 0;
  /** Set when the workers are being told to let it go. */
  unloading = false;

  constructor(manifest: Manifest) {
    this.manifest = manifest;
  }

  get holds(): number {
    return this.#holds;
  }

  /** Counts a holder; returns its release, which is idempotent and tells `released`. */
  hold(released: (copy: LoadedCopy) => void): () => void {
    this.#holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      released(this);
    };
  }
}

/** One version in the registry: its state, and the copies of it that are loaded. */
export class VersionEntry {
  readonly model: string;
  readonly version: number;
  #state: VersionState = 'discovered';
  #revision = 0;
  /** Why it failed or was left out; `''` otherwise. */
  reason = '';
  /** The file as last found; undefined once it is gone. */
  found: FoundVersion | undefined;
  /** The file that the last attempt to load was made with. */
  tried: FileFacts | undefined;
  /** What new callers get; undefined while nothing is loaded. */
  copy: LoadedCopy | undefined;
  /** Copies whose files were replaced and which somebody still holds, or which are being let go. */
  readonly retired = new Set<LoadedCopy>();
  /** Whether its new files are on their way while the former copy serves. */
  replacing = false;
  /** Set when a failed load is to be tried again though its files are the same. */
  retryDue = false;
  /** Loads of these files that failed in a row. */
  failures = 0;
  /** Ends the wait for the next try. */
  cancelRetry: () => void = () => {};

  constructor(model: string, version: number) {
    this.model = model;
    this.version = version;
  }

  get state(): VersionState {
    return this.#state;
  }

  get unloading(): boolean {
    return this.copy?.unloading ?? false;
  }

  /** The revision that its next load has; undefined for the first, whose key is plain. */
  get nextRevision(): number | undefined {
    return this.#revision === 0 ? undefined : this.#revision;
  }

  /** A load of these files begins. */
  attempt({ bytes, modifiedMs, fingerprint }: FileFacts): void {
    const facts = { bytes, modifiedMs, ...(fingerprint !== undefined && { fingerprint }) };
    if (this.tried === undefined || !sameFile(this.tried, facts)) this.failures = 0;
    this.tried = facts;
    this.retryDue = false;
    this.cancelRetry();
    this.replacing = this.#state === 'available';
  }

  /** Makes this copy the one that new callers get, in one step; the former one, if any, is retired and returned. */
  swap(manifest: Manifest): LoadedCopy | undefined {
    const former = this.copy;
    if (former !== undefined) this.retired.add(former);
    this.copy = new LoadedCopy(manifest);
    this.#revision++;
    return former;
  }

  /** The workers hold the current copy no more; with nothing left its key is free again. */
  emptied(): void {
    this.copy = undefined;
    if (this.retired.size === 0) this.#revision = 0;
    this.become('unloaded');
  }

  /** The copy that a holder of this manifest holds; undefined when the workers have let go of it. */
  copyOf(manifest: Manifest): LoadedCopy | undefined {
    const copy = [this.copy, ...this.retired].find((candidate) => candidate?.manifest === manifest);
    return copy?.unloading ? undefined : copy;
  }

  /** The one setter of the state; throws on an illegal step. What is tried again keeps the reason of its last failure meanwhile. */
  become(state: VersionState, reason?: string): void {
    const again = this.failures > 0 && (state === 'loading' || state === 'warming');
    this.#state = transition(this.#state, state);
    this.say(reason ?? (again ? this.reason : ''));
  }

  /** Sets what is listed of it. */
  say(reason: string): void {
    const text = reason.toWellFormed();
    this.reason = text.length > MAX_REASON_CHARS ? `${text.slice(0, MAX_REASON_CHARS)}…` : text;
  }

  status(): VersionStatus {
    return { model: this.model, version: this.version, state: this.#state, reason: this.reason };
  }
}
