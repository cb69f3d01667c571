import { GatewayError, quote } from '../gateway/core/error.js';
import type { Manifest } from '../gateway/core/manifest.js';
import type { Signature, TensorSpec } from '../gateway/core/model.js';
import type { GivenFeatures } from '../gateway/core/model-configuration.js';
import { nearest } from '../gateway/core/nearest.js';
import { type FileNames, namesIn } from './file-names.js';

type Names = Readonly<Record<string, readonly string[]>>;

/** The key under which config.pbtxt may say names of features, and under which ModelConfig tells them. */
const FEATURES_PARAMETER = 'feature_names';

/**
 * Settles what people may call the elements of a row, and the classes: the operator's word (`features` in sluice.yaml) comes before
 * config.pbtxt's, and that before the model file's. Throws FAILED_PRECONDITION for an operator's names that do not fit the signature; a
 * file's that do not are left out, with a warning. Pure.
 */
export function settleNames(manifest: Manifest, found: FileNames | undefined): Manifest {
  const { signature, configuration } = manifest;
  const warnings = [...manifest.warnings];
  const noted = namesIn(configuration?.parameters[FEATURES_PARAMETER]) ?? found?.features;
  const features =
    configuration?.features === undefined
      ? notedFeatures(noted, signature, warnings)
      : givenFeatures(configuration.features, signature);
  const classes = classesOf(signature, found);
  return {
    ...manifest,
    warnings,
    ...(features !== undefined && { features }),
    ...(Object.keys(classes).length > 0 && { classes }),
  };
}

function givenFeatures(given: GivenFeatures, signature: Signature): Names {
  const inputs = signature.inputs.map(({ name }) => name);
  const [only, ...others] = signature.inputs;
  if (Array.isArray(given)) {
    if (only === undefined || others.length > 0)
      throw refuse(
        `features is a list, but it has ${inputs.length} inputs: wanted a list by input, {${inputs.join(': […], ')}: […]}`,
      );
    return named([[only.name, fitting(only, given as readonly string[], signature)]]);
  }
  return named(
    Object.entries(given).map(([name, names]): [string, readonly string[]] => {
      const spec = signature.inputs.find((input) => input.name === name);
      if (spec !== undefined) return [name, fitting(spec, names, signature)];
      const near = nearest(name, inputs);
      const hint =
        near === undefined
          ? `; its inputs are ${inputs.map((input) => quote(input)).join(', ')}`
          : `, did you mean ${quote(near)}?`;
      throw refuse(`features names input ${quote(name)}, which it does not have${hint}`);
    }),
  );
}

function fitting(spec: TensorSpec, names: readonly string[], signature: Signature): readonly string[] {
  const fault = misfit(spec, names, signature);
  if (fault === undefined) return names;
  throw refuse(`features does not fit: ${fault}`);
}

function notedFeatures(
  names: readonly string[] | undefined,
  signature: Signature,
  warnings: string[],
): Names | undefined {
  const [only, ...others] = signature.inputs;
  // With an input for each column, the inputs are the names.
  if (names === undefined || only === undefined || others.length > 0) return undefined;
  const fault = misfit(only, names, signature);
  if (fault === undefined) return named([[only.name, names]]);
  warnings.push(`the names of features that it carries do not fit and are left out: ${fault}`);
  return undefined;
}

/** Why these cannot be the names of a row's elements. */
function misfit(
  { name, shape }: TensorSpec,
  names: readonly string[],
  { inputs }: Signature,
): string | undefined {
  const rows = inputs.every((input) => input.shape[0] === -1 || input.shape[0] === 1);
  const row = rows ? shape.slice(1) : shape;
  if (row.length > 1) return `a row of input ${quote(name)} is no list of values: its shape is [${shape}]`;
  const wanted = row[0] ?? 1;
  if (wanted !== -1 && wanted !== names.length)
    return `there are ${names.length} names, and a row of input ${quote(name)} has ${wanted} values`;
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  return twice === undefined ? undefined : `the name ${quote(twice)} is there twice`;
}

/** By output, what its classes are called, where the signature does not say so already. */
function classesOf({ outputs }: Signature, found: FileNames | undefined): Names {
  if (found === undefined) return {};
  const { classes, scores } = found;
  const texts = outputs.some(({ datatype }) => datatype === 'BYTES');
  return named(
    outputs.flatMap(({ name, datatype, shape, labels }): [string, readonly string[]][] => {
      if (labels !== undefined || !datatype.startsWith('FP') || shape.length !== 2) return [];
      const size = shape[1] as number;
      const own = scores.get(name);
      // Where labels are texts, numbers are what the exporter counts them with.
      const counted = texts && own?.every((label) => /^-?\d+$/.test(label));
      const names =
        classes !== undefined && classes.length === (size === -1 ? own?.length : size)
          ? classes
          : counted
            ? undefined
            : own;
      return names === undefined || (size !== -1 && size !== names.length) ? [] : [[name, names]];
    }),
  );
}

/** Own properties whatever they are called. */
function named(entries: readonly (readonly [string, readonly string[]])[]): Names {
  return Object.fromEntries(entries);
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
