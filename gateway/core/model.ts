import type { Datatype } from './datatype.js';

/** One input or output of a model. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** Whole shape, batch dimension included; -1 is variable. */
  readonly shape: readonly number[];
  /** The shape that the model itself has, where requests have another one (`reshape` in config.pbtxt). Only its first size may be -1. */
  readonly modelShape?: readonly number[];
  /** An input of strings that the model does not look into: they may be any bytes. */
  readonly opaque?: boolean;
  /** The input whose strings this output is, byte by byte, where the model does nothing to them. */
  readonly passedFrom?: string;
  /** Class labels of an output, index by index, where the model carries them (a ZipMap that was stripped) or config.pbtxt names them. */
  readonly labels?: readonly string[];
}

/** Names, datatypes and shapes of a model's inputs and outputs. */
export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Whether rows of several requests may run together: dim 0 is the batch on every input and output. */
  readonly batchable: boolean;
  /** Most rows of one request and of one batch; 0 when not batchable. */
  readonly maxBatchSize: number;
}

/** A model and one of its versions: the unit that is loaded, leased, drained and unloaded. */
export interface ModelVersion {
  readonly model: string;
  /** A positive safe integer: the name of the version's directory. */
  readonly version: number;
  /** Which copy of it, where its files were replaced while it was served: counts up from 1. @default the first copy */
  readonly revision?: number;
}

/**
 * `iris/2`, or `iris/2#1` for a copy that replaced the first: the key of a model version in maps and messages. Unambiguous,
 * since a model's name has no slash and a version is a number.
 */
export function versionKey(of: ModelVersion): string {
  const key = `${of.model}/${of.version}`;
  return of.revision === undefined ? key : `${key}#${of.revision}`;
}

/** What `versionKey` made a key of. */
export function versionOfKey(key: string): ModelVersion {
  const slash = key.lastIndexOf('/');
  const [version, revision] = key.slice(slash + 1).split('#');
  const of = { model: key.slice(0, slash), version: Number(version) };
  return revision === undefined ? of : { ...of, revision: Number(revision) };
}
