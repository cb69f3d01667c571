import type { LoadSpec } from '../../worker/protocol.js';
import type { Manifest } from '../core/manifest.js';
import { type TensorSpec, versionKey } from '../core/model.js';

/** What a worker is told of a version: plain data, no more than it needs. */
export function loadSpec(manifest: Manifest, intraOpThreads: number): LoadSpec {
  const { inputs, outputs } = manifest.signature;
  const { warmUp, goldenRows } = manifest;
  const runtime = manifest.configuration?.runtime;
  return {
    key: versionKey(manifest),
    modelPath: manifest.preparedPath,
    intraOpThreads,
    ...(runtime && { runtime }),
    inputs: inputs.map(withoutLabels),
    outputs: outputs.map(withoutLabels),
    ...(warmUp && { warmUp }),
    ...(goldenRows && { goldenRows }),
  };
}

function withoutLabels({ labels: _, ...spec }: TensorSpec): Omit<TensorSpec, 'labels'> {
  return spec;
}
