import {
  type ModelMetadata,
  type PredictInputs,
  type SluiceClient,
  SluiceClientError,
} from '../client/client.js';
import { GatewayError } from '../gateway/core/error.js';
import { readCsvRows } from '../gateway/tabular/read-csv.js';
import { readRows } from '../gateway/tabular/read-rows.js';
import { type FeatureNames, planRows } from '../gateway/tabular/row-plan.js';
import { toValue, type Value } from '../gateway/tabular/value.js';
import { CliError, EXIT } from './exit-code.js';
import type { GivenInput } from './predict-input.js';
import { signatureText } from './signature.js';

/** The parameter of a model's configuration in which the server tells the names of features, as JSON. */
const FEATURES_PARAMETER = 'feature_names';

/**
 * Whether the values are rows of people's, to be read by the model's columns: CSV, records, a single row. What has the shape of the
 * model's inputs is sent as it is.
 */
export function areRows(given: GivenInput, model: ModelMetadata): boolean {
  if (given.kind === 'csv') return true;
  const [only, ...others] = model.inputs;
  if (given.kind === 'single') {
    if (isShaped(given.value)) return false;
    return (
      only === undefined ||
      others.length > 0 ||
      isRecords(given.value) ||
      depthOf(given.value) !== only.shape.length
    );
  }
  return !Object.entries(given.inputs).every(([name, value]) => {
    const spec = model.inputs.find((input) => input.name === name);
    return spec !== undefined && (isShaped(value) || depthOf(value) === spec.shape.length);
  });
}

/** Reads rows by the model's columns. Throws a CliError that says what fits. */
export function readGivenRows(
  given: GivenInput,
  model: ModelMetadata,
  features: FeatureNames,
): PredictInputs {
  try {
    const plan = planRows(model.name, model.inputs, features);
    const { inputs } =
      given.kind === 'csv' ? readCsvRows(plan, given.text) : readRows(plan, exactValue(given.text));
    return Object.fromEntries(
      inputs.map(({ name, datatype, shape, values }) => [name, { shape, data: values, datatype }]),
    );
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const hint = `Model '${model.name}' has\n${signatureText(model)}`.trimEnd();
    throw new CliError(EXIT.failed, error.code, `The values do not fit: ${error.message}`, hint);
  }
}

/** What the server calls the elements of a model's rows; nothing where it does not say. */
export async function featuresOf(
  client: SluiceClient,
  model: ModelMetadata,
  version: string | undefined,
): Promise<FeatureNames> {
  const parameters = await client
    .modelParameters(model.name, { version })
    .catch((error): Readonly<Record<string, string>> => {
      // Other servers of the protocol have no such call.
      if (error instanceof SluiceClientError && error.code === 'UNIMPLEMENTED') return {};
      throw error;
    });
  const [only] = model.inputs;
  const text = Object.hasOwn(parameters, FEATURES_PARAMETER) ? parameters[FEATURES_PARAMETER] : undefined;
  if (text === undefined || only === undefined) return {};
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names)) return model.inputs.length === 1 ? { [only.name]: names } : {};
    return typeof names === 'object' && names !== null ? (names as FeatureNames) : {};
  } catch {
    return {};
  }
}

/** JSON with its large whole numbers exact, which `JSON.parse` rounds. The text has been parsed before. */
function exactValue(text: string): Value {
  const marked = text
    .replace(/^\uFEFF/, '')
    .replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
      /^-?\d{16,}$/.test(token) ? `{"${EXACT}":"${token}"}` : token,
    );
  return withExact(toValue(JSON.parse(marked)));
}

/** No name that anybody gives a column. */
const EXACT = '\\u0000exact';

function withExact(value: Value): Value {
  if (Array.isArray(value)) return value.map(withExact);
  if (!(value instanceof Map)) return value;
  const exact = value.get('\u0000exact');
  if (typeof exact === 'string') {
    const number = Number(exact);
    return Number.isSafeInteger(number) ? number : BigInt(exact);
  }
  return new Map([...value].map(([name, inner]) => [name, withExact(inner)]));
}

function isShaped(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;
}

function isRecords(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.some((row) => typeof row === 'object' && row !== null && !Array.isArray(row))
  );
}

/** Levels of lists, along the first element of each. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let at = value; Array.isArray(at); at = at[0]) depth++;
  return depth;
}
