import type { ModelConfiguration } from '../core/model-configuration.js';

/** What a file looked like when it was found: enough to notice that it was replaced, cheap enough to take often. */
export interface FileFacts {
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Of all files that a load of it reads: changes when one of them does. @default the model file alone is compared */
  readonly fingerprint?: string;
}

/** One version with a model file in it. */
export interface FoundVersion extends FileFacts {
  readonly version: number;
  /** Absolute path of the `.onnx` file. */
  readonly modelPath: string;
  /** Its name in the version's directory, where it is a link to `modelPath`: its weights may lie beside either. */
  readonly logicalPath?: string;
  /** Why its files on disk are no good any more, though it is still served from memory. @default they are good */
  readonly flaw?: string;
}

/** One model with at least one version. */
export interface FoundModel {
  readonly name: string;
  /** Absolute path of the repository (or the file) that it was found in. */
  readonly repository: string;
  /** Ascending by version, at least one. */
  readonly versions: readonly FoundVersion[];
  /** Absolute path of its directory, where its label files are; undefined for a single file. */
  readonly directory?: string;
  /** What its config.pbtxt says; undefined where there is none. */
  readonly configuration?: ModelConfiguration;
  /** Set where calls say what is loaded, and none has asked for it: it is listed, and nothing of it is loaded. */
  readonly unasked?: true;
}

/** Something that looks like a model and cannot be served; it is listed, so that nobody has to guess. */
export interface Problem {
  readonly model: string;
  /** 0 when it is the model, not one version of it. */
  readonly version: number;
  /** For clients, too: names no path outside of the repository. */
  readonly reason: string;
}

/** A repository of which nothing could be understood, and why, over several lines. */
export interface UnusableRepository {
  readonly repository: string;
  readonly reason: string;
}

/** Everything that the sources hold now: always the whole set, never a difference. */
export interface Found {
  readonly models: readonly FoundModel[];
  readonly problems: readonly Problem[];
  /** A server whose repositories are all here should not start; a running one keeps what it has. */
  readonly unusable: readonly UnusableRepository[];
  /** Names of all directories of the repositories, models or not. @default those of the models */
  readonly present?: ReadonlySet<string>;
}

/** Whether these are the same file contents, as far as size and time tell. */
export function sameFile(a: FileFacts, b: FileFacts): boolean {
  return a.bytes === b.bytes && a.modifiedMs === b.modifiedMs && a.fingerprint === b.fingerprint;
}
