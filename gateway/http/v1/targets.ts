import { GatewayError, quote } from '../../core/error.js';
import type { ModelSpec } from '../../core/tfs/model-spec.js';

/** What a path of `/v1` is about. */
export interface Target {
  readonly spec: ModelSpec;
  /** Behind the last colon: `predict`. `''` where there is none. */
  readonly verb: string;
}

export interface TargetParams {
  /** The last part of the path, with its verb. */
  readonly target: string;
  /** The model, where a version or a label is the last part. */
  readonly model?: string;
}

/** Which model, version or label, and what is to be done with it. Throws NOT_FOUND for what is no version. */
export function targetOf(
  { target, model }: TargetParams,
  by: 'model' | 'version' | 'label',
  signature = '',
): Target {
  const colon = target.lastIndexOf(':');
  const last = colon < 0 ? target : target.slice(0, colon);
  const verb = colon < 0 ? '' : target.slice(colon + 1);
  const name = model ?? last;
  if (by === 'version' && !/^\d{1,18}$/.test(last))
    throw new GatewayError('NOT_FOUND', `${quote(last)} is no version of a model: wanted a number`, {
      reason: 'unknown_model',
      field: 'model_version',
    });
  return {
    verb,
    spec: {
      name,
      version: by === 'version' ? BigInt(last) : undefined,
      label: by === 'label' ? last : '',
      signature,
    },
  };
}
