import { DATATYPE_BYTES } from '../core/datatype.js';
import { quote } from '../core/error.js';
import type { WarmUpInput, WarmUpSample } from '../core/model-configuration.js';
import { elementCount } from '../core/tensor.js';
import type { ModelConfig, ModelWarmup, ModelWarmup_Input } from '../gen/inference/model_config_pb.js';
import type { ConfigFaults } from './config-faults.js';
import { datatypeOf, dimsOf, isInside } from './config-tensors.js';

/** Every load of every worker runs them all. */
const MAX_SAMPLES = 100;
const MAX_COUNT = 1000;
/** Of one sample with all its rows. */
const MAX_SAMPLE_BYTES = 64 * 1024 * 1024;
/** What a string takes at least: its length prefix. */
const MIN_STRING_BYTES = 4;

/** The samples of `model_warmup`, not yet held against the model; what is wrong with them goes to `faults`. */
export function warmUpSamples(
  { modelWarmup, maxBatchSize }: ModelConfig,
  faults: ConfigFaults,
  warnings: string[],
): WarmUpSample[] {
  if (modelWarmup.length > MAX_SAMPLES)
    faults.add(
      'model_warmup',
      `model_warmup has ${modelWarmup.length} samples, at most ${MAX_SAMPLES} are taken`,
    );
  const seen = new Set<string>();
  return modelWarmup.slice(0, MAX_SAMPLES).map((sample, index) => {
    const path = `model_warmup[${index}]`;
    const { name, count, batchSize } = sample;
    if (name === '') faults.add(path, `${path} has no name`);
    else if (seen.has(name)) faults.add(path, `${path} has the name ${quote(name)}, as another sample`);
    seen.add(name);
    if (count > MAX_COUNT) faults.add(`${path}.count`, `${path}.count is ${count}, wanted 0 to ${MAX_COUNT}`);
    if (batchSize === 0) warnings.push(`${path} has no effect: its batch_size is 0`);
    if (maxBatchSize > 0 && batchSize > maxBatchSize)
      faults.add(
        `${path}.batch_size`,
        `${path}.batch_size is ${batchSize}, wanted 1 to ${maxBatchSize}, the max_batch_size`,
      );
    const inputs = inputsOf(sample, path, faults);
    const bytes = inputs.reduce((sum, input) => sum + rowBytes(input), 0) * batchSize;
    if (bytes > MAX_SAMPLE_BYTES)
      faults.add(path, `${path} has ${bytes} bytes of input, at most ${MAX_SAMPLE_BYTES} are taken`);
    return { name, batchSize, count, inputs };
  });
}

function rowBytes({ datatype, dims }: WarmUpInput): number {
  return elementCount(dims) * (DATATYPE_BYTES[datatype] || MIN_STRING_BYTES);
}

function inputsOf({ inputs }: ModelWarmup, path: string, faults: ConfigFaults): WarmUpInput[] {
  const names = Object.keys(inputs);
  if (names.length === 0) faults.add(path, `${path} has no inputs`);
  return names.map((name) => {
    const input = inputs[name] as ModelWarmup_Input;
    const at = `${path}.inputs[${name}]`;
    const dims = dimsOf(input.dims, `${at}.dims`, faults);
    const open = dims.indexOf(-1);
    if (open >= 0)
      faults.add(`${at}.dims[${open}]`, `${at}.dims[${open}] is -1, wanted a size: the data has one`);
    return {
      name,
      datatype: datatypeOf(input.dataType, at, faults),
      dims,
      data: dataOf(input, at, faults),
    };
  });
}

function dataOf(
  { inputDataType }: ModelWarmup_Input,
  path: string,
  faults: ConfigFaults,
): WarmUpInput['data'] {
  if (inputDataType.case === 'inputDataFile') {
    const file = inputDataType.value;
    if (!isInside(file))
      faults.add(
        `${path}.input_data_file`,
        `${path}.input_data_file is ${quote(file)}, wanted a path inside of the folder 'warmup' in the model's directory`,
      );
    return { file };
  }
  if (inputDataType.value !== true)
    faults.add(path, `${path} has no data, wanted zero_data: true, random_data: true or input_data_file`);
  return inputDataType.case === 'randomData' ? 'random' : 'zero';
}
