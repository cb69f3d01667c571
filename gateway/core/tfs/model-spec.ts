import { GatewayError, quote } from '../error.js';

/** Which model a request of TensorFlow Serving's protocols is for. */
export interface ModelSpec {
  readonly name: string;
  /** As the client wrote it, any int64; undefined where it names none. */
  readonly version: bigint | undefined;
  /** `''` where it names none; never beside a version. */
  readonly label: string;
  /** `''` for `DEFAULT_SIGNATURE`. */
  readonly signature: string;
}

/** The signature of requests that name none. */
export const DEFAULT_SIGNATURE = 'serving_default';

/** What stands in a message as it is, where quotes would change a text that clients compare; bounded and printable all the same. */
export function bare(text: string): string {
  return quote(text).slice(1, -1);
}

/** What GetModelMetadata and messages call a tensor: TensorFlow names the output of an operation, ONNX the tensor itself. */
export function feedName(name: string): string {
  return `${name}:0`;
}

/** Names as TensorFlow Serving lists them: sorted, with commas between, bounded. */
export function bareNames(names: Iterable<string>): string {
  const sorted = [...new Set(names)].sort();
  const shown = sorted.slice(0, 16).map((name) => quote(name, 40).slice(1, -1));
  return sorted.length > 16 ? `${shown.join(',')},… ${sorted.length} names` : shown.join(',');
}

/** The spec of a request. Throws INVALID_ARGUMENT for one that has none. */
export function givenSpec(spec: ModelSpec | undefined): ModelSpec {
  if (spec !== undefined) return spec;
  throw new GatewayError('INVALID_ARGUMENT', 'Missing ModelSpec', {
    reason: 'bad_request',
    field: 'model_spec',
  });
}

/**
 * What the catalog is to be asked for: a number in decimal, a label, or `''`. Throws INVALID_ARGUMENT for a request that names no
 * model, NOT_FOUND for a version that no model can have.
 */
export function versionWanted(spec: ModelSpec): string {
  if (spec.name === '') throw noName();
  if (spec.version === undefined) return spec.label;
  if (spec.version <= 0n || spec.version > BigInt(Number.MAX_SAFE_INTEGER)) throw notFound(spec);
  return String(spec.version);
}

/** The error of a request without a model's name, in the words of TensorFlow Serving's server_core.cc. */
function noName(): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', 'ModelSpec has no name specified.', {
    reason: 'bad_request',
    field: 'model_spec.name',
  });
}

/**
 * An error of the catalog as TensorFlow Serving would have said it: what cannot be called is NOT_FOUND, whether it is unknown or
 * still loads, and in brackets why; anything else stays as it is.
 */
export function inServingWords(thrown: unknown, spec: ModelSpec): GatewayError {
  const error = GatewayError.from(thrown);
  const { reason, field } = error.details;
  // A label is looked for before the model is.
  if (spec.label !== '' && reason === 'unknown_model' && error.code === 'NOT_FOUND') return noLabel(spec);
  if (reason === 'unknown_model' || field === 'model_name')
    return notFound(spec, error.code === 'UNAVAILABLE' ? error : undefined);
  if (field !== 'model_version' || spec.label === '') return error;
  return noLabel(spec);
}

function noLabel({ label }: ModelSpec): GatewayError {
  const message = `Unrecognized servable version label: ${bare(label)}`;
  return new GatewayError('INVALID_ARGUMENT', message, {
    reason: 'bad_request',
    field: 'model_spec.version_label',
  });
}

function notFound(spec: ModelSpec, why?: GatewayError): GatewayError {
  const name = bare(spec.name);
  const request = spec.version === undefined ? `Latest(${name})` : `Specific(${name}, ${spec.version})`;
  const retryAfterMs = why?.details.retryAfterMs;
  return new GatewayError(
    'NOT_FOUND',
    `Servable not found for request: ${request}${why === undefined ? '' : ` (${why.message})`}`,
    {
      reason: 'unknown_model',
      field: spec.version === undefined ? 'model_spec.name' : 'model_spec.version',
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  );
}
