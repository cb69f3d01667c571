import { DATATYPE_BYTES, isDatatype } from '../gateway/core/datatype.js';
import { GatewayError, quote } from '../gateway/core/error.js';
import { elementCount } from '../gateway/core/tensor.js';
import type { GivenRows } from './probe.js';
import type { WarmUpData, WireTensor } from './protocol.js';
import { fillTensor, type InputSpec, MAX_SAMPLE_BYTES, seededRandom } from './sample-inputs.js';
import { readWarmUpFile } from './warm-up-file.js';

/** The inputs of warm-up samples, which config.pbtxt gives: not trusted to be those of the model. */

type WarmUpSample = WarmUpData['samples'][number];
type WarmUpInput = WarmUpSample['inputs'][number];

const SEED = 20_251_125;
const PREFIX_BYTES = 4;

/**
 * The tensors of one run of a sample. Throws FAILED_PRECONDITION, with what was given and what is wanted, when they are not
 * those of the model or a file is not as it should be.
 */
export async function warmUpInputs(
  sample: WarmUpSample,
  specs: readonly InputSpec[],
  { batched, modelDirectory }: Omit<WarmUpData, 'samples'>,
): Promise<WireTensor[]> {
  const { batchSize } = sample;
  if (!batched && batchSize !== 1)
    throw refuse(`it has batch_size ${batchSize}, wanted 1: the model has no batch dimension`);
  for (const { name } of specs)
    if (!sample.inputs.some((input) => input.name === name))
      throw refuse(`it has no input ${quote(name)}, which the model needs`);
  const random = seededRandom(SEED);
  const tensors: WireTensor[] = [];
  for (const input of sample.inputs) {
    const shape = batched ? [batchSize, ...input.dims] : input.dims;
    checkInput(input, shape, specs);
    const data = await dataOf(input, batchSize, modelDirectory, random);
    tensors.push({ name: input.name, datatype: input.datatype, shape, data });
  }
  return tensors;
}

/** Rows of the first sample, for the probe: random data is new for each. Rejects as `warmUpInputs` does. */
export async function givenRows(warmUp: WarmUpData, specs: readonly InputSpec[]): Promise<GivenRows> {
  const sample = warmUp.samples[0] as WarmUpSample;
  const first = await warmUpInputs({ ...sample, batchSize: 1 }, specs, warmUp);
  const isRandom = first.map((_, i) => sample.inputs[i]?.data === 'random');
  const random = seededRandom(SEED);
  return {
    row: () =>
      first.map((tensor, i) =>
        isRandom[i]
          ? { ...tensor, data: fillTensor(tensor.datatype, elementCount(tensor.shape), random) }
          : tensor,
      ),
    varied: isRandom.includes(true),
  };
}

function checkInput(
  { name, datatype }: WarmUpInput,
  shape: readonly number[],
  specs: readonly InputSpec[],
): void {
  const spec = specs.find((each) => each.name === name);
  if (spec === undefined) {
    const known = specs.slice(0, 20).map((each) => quote(each.name));
    throw refuse(`it has an input ${quote(name)}, the model has ${known.join(', ')}`);
  }
  if (datatype !== spec.datatype)
    throw refuse(`its input ${quote(name)} has datatype ${datatype}, wanted ${spec.datatype}`);
  const fits =
    shape.length === spec.shape.length && spec.shape.every((dim, i) => dim === -1 || dim === shape[i]);
  if (!fits) throw refuse(`its input ${quote(name)} has shape [${shape}], wanted [${spec.shape}]`);
}

async function dataOf(
  { datatype, dims, data }: WarmUpInput,
  rows: number,
  modelDirectory: string | undefined,
  random: () => number,
): Promise<Uint8Array<ArrayBuffer>> {
  const perRow = elementCount(dims);
  // Strings have no size of their own; an empty one is its length prefix.
  const elementBytes = (isDatatype(datatype) && DATATYPE_BYTES[datatype]) || PREFIX_BYTES;
  if (data === 'zero') return new Uint8Array(rows * perRow * elementBytes);
  if (data === 'random') return fillTensor(datatype, rows * perRow, random);
  if (modelDirectory === undefined) throw refuse(`its file ${quote(data.file)} cannot be read: no directory`);
  const least = perRow * elementBytes;
  const most = datatype === 'BYTES' ? Math.floor(MAX_SAMPLE_BYTES / rows) : least;
  const { data: row } = await readWarmUpFile(modelDirectory, data.file, { least, most });
  return rows === 1 ? row : repeated(row, rows);
}

function repeated(row: Uint8Array, rows: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(row.byteLength * rows);
  for (let i = 0; i < rows; i++) bytes.set(row, i * row.byteLength);
  return bytes;
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
