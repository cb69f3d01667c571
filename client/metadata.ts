import type { WireIndexEntry, WireModelMetadata, WireModelStatistics, WireTensorMetadata } from './wire.js';

/** One input or output of a model. */
export interface TensorMetadata {
  readonly name: string;
  /** An Open Inference Protocol datatype, e.g. `FP32`. */
  readonly datatype: string;
  /** Whole shape; -1 is a variable dimension, the batch dimension first. */
  readonly shape: readonly number[];
}

/** A model's signature, and the versions that can be called. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** Who the server says that it is; `extensions` are the parts of the protocol that it has beyond the common ones. */
export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** One model version found in the server's repository. */
export interface ModelIndexEntry {
  readonly name: string;
  readonly version: string;
  /** READY, UNAVAILABLE, LOADING or UNLOADING. */
  readonly state: string;
  /** Why it is not ready; `''` when it is. */
  readonly reason: string;
}

/** Copies the fields that are known, so that a caller never sees what the wire may add. */
export function readModelMetadata(wire: WireModelMetadata): ModelMetadata {
  const { name, versions, platform } = wire;
  return { name, versions, platform, inputs: wire.inputs.map(tensor), outputs: wire.outputs.map(tensor) };
}

/** The same for a line of the repository index. */
export function readIndexEntry({ name, version, state, reason }: WireIndexEntry): ModelIndexEntry {
  return { name, version, state, reason };
}

/** Bytes by `model/version`, of the versions whose memory a server tells. */
export function readModelMemory({ model_stats }: WireModelStatistics): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const { name, version, memory_usage } of model_stats)
    if (memory_usage.length > 0)
      bytes.set(
        `${name}/${version}`,
        memory_usage.reduce((sum, { byte_size }) => sum + Number(byte_size), 0),
      );
  return bytes;
}

function tensor({ name, datatype, shape }: WireTensorMetadata): TensorMetadata {
  return { name, datatype, shape: shape.map(Number) };
}
