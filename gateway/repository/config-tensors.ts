import { type Datatype, isDatatype } from '../core/datatype.js';
import { quote } from '../core/error.js';
import type { DeclaredTensor } from '../core/model-configuration.js';
import {
  DataType,
  type ModelConfig,
  type ModelInput,
  ModelInput_Format,
  type ModelOutput,
} from '../gen/inference/model_config_pb.js';
import type { ConfigFaults } from './config-faults.js';

/** More dimensions than any model has. */
const MAX_RANK = 64;

/** The inputs that a configuration declares; what is wrong with them goes to `faults`. */
export function declaredInputs({ input }: ModelConfig, faults: ConfigFaults): DeclaredTensor[] {
  return declared('input', input, faults, (each, path) => {
    if (each.format === ModelInput_Format.NONE) return {};
    if (each.dims.length !== 3)
      faults.add(`${path}.dims`, `${path}.dims has ${each.dims.length} dimensions, an image (format) has 3`);
    return { format: each.format === ModelInput_Format.NHWC ? 'FORMAT_NHWC' : 'FORMAT_NCHW' };
  });
}

/** The outputs that a configuration declares; what is wrong with them goes to `faults`. */
export function declaredOutputs({ output }: ModelConfig, faults: ConfigFaults): DeclaredTensor[] {
  return declared('output', output, faults, ({ labelFilename }, path) => {
    if (labelFilename === '') return {};
    if (!isInside(labelFilename))
      faults.add(
        `${path}.label_filename`,
        `${path}.label_filename is ${quote(labelFilename)}, wanted a path inside of the model's directory`,
      );
    return { labelFilename };
  });
}

function declared<T extends ModelInput | ModelOutput>(
  role: 'input' | 'output',
  given: readonly T[],
  faults: ConfigFaults,
  rest: (each: T, path: string) => Partial<DeclaredTensor>,
): DeclaredTensor[] {
  const seen = new Set<string>();
  return given.map((each, index) => {
    const path = `${role}[${index}]`;
    if (each.name === '') faults.add(path, `${path} has no name`);
    else if (seen.has(each.name))
      faults.add(path, `${path} has the name ${quote(each.name)}, as another ${role}`);
    seen.add(each.name);
    if (each.dims.length === 0 && !faults.given(`${path}.dims`)) faults.add(path, `${path} has no dims`);
    return {
      name: each.name,
      datatype: datatypeOf(each.dataType, path, faults),
      dims: dimsOf(each.dims, `${path}.dims`, faults),
      ...reshapeOf(each, path, faults),
      ...rest(each, path),
    };
  });
}

/** A datatype by config.pbtxt's name of it; one that is not given goes to `faults`. */
export function datatypeOf(type: DataType, path: string, faults: ConfigFaults): Datatype {
  if (type === DataType.TYPE_STRING) return 'BYTES';
  const name = DataType[type]?.slice('TYPE_'.length) ?? '';
  if (isDatatype(name)) return name;
  faults.add(`${path}.data_type`, `${path} has no data_type`);
  return 'FP32';
}

/** Only between shapes whose sizes are all known: then nothing but the list of dimensions changes. */
function reshapeOf(
  { dims, reshape }: ModelInput | ModelOutput,
  path: string,
  faults: ConfigFaults,
): Pick<DeclaredTensor, 'reshape'> {
  if (reshape === undefined) return {};
  const shape = dimsOf(reshape.shape, `${path}.reshape.shape`, faults);
  if ([...dims, ...reshape.shape].includes(-1n))
    faults.add(`${path}.reshape`, `${path}.reshape is not supported by this server for variable dimensions`);
  else if (product(dims) !== product(reshape.shape))
    faults.add(
      `${path}.reshape`,
      `${path}.reshape is [${shape}], which has not as many elements as dims [${dims}]`,
    );
  return { reshape: shape };
}

function product(dims: readonly bigint[]): bigint {
  return dims.reduce((size, dim) => size * dim, 1n);
}

/** Dimensions as numbers; what is no size and not -1 goes to `faults`. */
export function dimsOf(dims: readonly bigint[], path: string, faults: ConfigFaults): number[] {
  const bad = dims.findIndex((dim) => dim !== -1n && (dim < 1n || dim > BigInt(Number.MAX_SAFE_INTEGER)));
  if (bad >= 0)
    faults.add(
      `${path}[${bad}]`,
      `${path}[${bad}] is ${dims[bad]}, wanted a size of 1 or more, or -1 for a variable one`,
    );
  if (dims.length > MAX_RANK)
    faults.add(path, `${path} has ${dims.length} dimensions, at most ${MAX_RANK} are taken`);
  return dims.map(Number);
}

/** Whether this is a relative path that does not lead out of where it starts. */
export function isInside(path: string): boolean {
  const parts = path.split('/');
  return (
    path.length <= 1024 &&
    !/[\\\p{Cc}]/u.test(path) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
