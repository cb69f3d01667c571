import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ModelSpec } from '../../core/tfs/model-spec.js';
import type { ModelSpecSchema } from '../../gen/tensorflow_serving/apis/model_pb.js';

/** A spec as the RPCs of TensorFlow Serving take it. */
export function specMessage({
  name,
  version,
  label,
  signature,
}: ModelSpec): MessageInitShape<typeof ModelSpecSchema> {
  return {
    name,
    signatureName: signature,
    ...(version !== undefined && { versionChoice: { case: 'version' as const, value: { value: version } } }),
    ...(label !== '' && { versionChoice: { case: 'versionLabel' as const, value: label } }),
  };
}
