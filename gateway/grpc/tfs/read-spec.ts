import { givenSpec, type ModelSpec } from '../../core/tfs/model-spec.js';
import type { ModelSpec as ModelSpecMessage } from '../../gen/tensorflow_serving/apis/model_pb.js';

/** A message's spec as the rest of the server knows it. Throws INVALID_ARGUMENT where there is none. */
export function readSpec(message: ModelSpecMessage | undefined): ModelSpec {
  const { name = '', signatureName: signature = '', versionChoice } = message ?? {};
  const version = versionChoice?.case === 'version' ? versionChoice.value.value : undefined;
  const label = versionChoice?.case === 'versionLabel' ? versionChoice.value : '';
  return givenSpec(message && { name, version, label, signature });
}
