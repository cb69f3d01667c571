import type { ModelMetadata, TensorMetadata } from '../../client/client.js';
import type { WireInferRequest, WireInferResponse } from '../../client/wire.js';
import type { CallTemplate, ExpectedAnswer } from '../contract.js';
import { bodiesOf } from '../inputs/bodies.js';
import { generateSamples } from '../inputs/generate.js';
import { readSamples } from '../inputs/read-samples.js';
import { type NamedTensor, type Samples, takesBatches } from '../inputs/samples.js';
import { seededRandom } from '../load/random.js';
import type { MixEntry } from '../mix.js';
import type { BenchOptions } from '../options.js';
import { BenchUsageError } from '../usage-error.js';
import { encodeInfer, expectedFromAnswer, expectedFromTensors, inferRequest, OIP_INFER } from './oip.js';
import { encodePredict, TFS_PREDICT } from './tfs.js';

/** What making the calls needs of the outside. */
export interface TemplateSources {
  /** A model's signature; rejects with SluiceClientError. Not called for TensorFlow Serving. */
  readonly signature: (model: string, version: string) => Promise<ModelMetadata>;
  /** One answer of the server, for `--expect first`. */
  readonly ask: (request: WireInferRequest) => Promise<WireInferResponse>;
  readonly readBytes: (path: string) => Promise<Uint8Array>;
}

/** Random bodies together take at most this, or there are fewer of them. */
const RANDOM_BYTES = 32 * 1024 * 1024;

/** Encodes the calls of every entry of the mix. Rejects with BenchUsageError when inputs do not fit. */
export async function makeTemplates(
  options: BenchOptions,
  sources: TemplateSources,
): Promise<CallTemplate[]> {
  const templates: CallTemplate[] = [];
  for (const entry of options.mix) templates.push(await makeTemplate(entry, options, sources));
  return templates;
}

async function makeTemplate(
  entry: MixEntry,
  options: BenchOptions,
  sources: TemplateSources,
): Promise<CallTemplate> {
  const signature = await signatureOf(entry, options, sources);
  const batches = takesBatches(signature.inputs);
  if (!batches && entry.rows > 1) {
    throw new BenchUsageError([
      `Model "${entry.model}" takes no batches (its inputs' first dimension is not variable); wanted --rows 1, not ${entry.rows}`,
    ]);
  }
  const samples = await samplesFor(signature.inputs, batches, entry, options, sources);
  const tensors = bodiesOf(samples, { rows: entry.rows, batches });
  const common = {
    name: `${entry.model} x${entry.rows}`,
    weight: entry.weight,
    rows: entry.rows,
  };
  if (options.service === 'tfs') {
    const { model, version } = entry;
    const encode = (body: readonly NamedTensor[]): Uint8Array =>
      encodePredict({ model, version, signatureName: options.signatureName, tensors: body });
    return { ...common, path: TFS_PREDICT, bodies: tensors.map(encode) };
  }
  const requests = tensors.map((body) => inferRequest(entry.model, entry.version, body));
  const bodies = requests.map(encodeInfer);
  const expect = await expectedAnswers(requests, entry, signature, options, sources);
  return { ...common, path: OIP_INFER, bodies, ...(expect === undefined ? {} : { expect }) };
}

interface Signature {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

async function signatureOf(
  { model, version }: MixEntry,
  options: BenchOptions,
  sources: TemplateSources,
): Promise<Signature> {
  if (options.inputs.length > 0) return { inputs: options.inputs, outputs: [] };
  const { inputs, outputs } = await sources.signature(model, version);
  if (inputs.length > 0) return { inputs, outputs };
  throw new BenchUsageError([
    `The server names no inputs of model "${model}"; give them, e.g. --input x:FP32:-1,4`,
  ]);
}

async function samplesFor(
  inputs: readonly TensorMetadata[],
  batches: boolean,
  entry: MixEntry,
  options: BenchOptions,
  sources: TemplateSources,
): Promise<Samples[]> {
  const { data } = options;
  if (data.kind !== 'files') {
    const make = (count: number): Samples[] =>
      generateSamples(inputs, {
        kind: data.kind,
        count,
        batches,
        shapes: options.shapes,
        range: options.range,
        random: seededRandom(options.seed),
      });
    const rows = batches ? entry.rows : 1;
    if (data.kind === 'zeros') return make(rows);
    const bytes = make(1).reduce((sum, { parts }) => sum + (parts[0]?.length ?? 0), 0);
    const bodies = Math.min(
      options.bodies,
      Math.max(1, Math.floor(RANDOM_BYTES / Math.max(1, bytes * rows))),
    );
    return make(rows * bodies);
  }
  const found: Samples[] = [];
  for (const { path, input } of data.files) {
    const specs = inputs.filter(({ name }) => name === input || input === undefined);
    if (specs.length === 0)
      throw new BenchUsageError([`--data ${input}=${path}: the model has no input "${input}"`]);
    found.push(...(await readFileSamples('--data', path, { specs, batches }, sources)));
  }
  const missing = inputs.filter(({ name }) => found.filter((samples) => samples.name === name).length !== 1);
  if (missing.length > 0) {
    throw new BenchUsageError([
      `--data gives ${missing.map(({ name }) => `"${name}"`).join(' and ')} of model "${entry.model}" not exactly once; wanted every input once`,
    ]);
  }
  return found;
}

async function readFileSamples(
  flag: string,
  path: string,
  target: { readonly specs: readonly TensorMetadata[]; readonly batches: boolean },
  { readBytes }: TemplateSources,
): Promise<Samples[]> {
  try {
    return readSamples(path, await readBytes(path), target);
  } catch (error) {
    throw new BenchUsageError([`${flag} ${path}: ${(error as Error).message}`]);
  }
}

async function expectedAnswers(
  requests: readonly WireInferRequest[],
  entry: MixEntry,
  { outputs }: Signature,
  options: BenchOptions,
  sources: TemplateSources,
): Promise<ExpectedAnswer[] | undefined> {
  const { expect, tolerance } = options;
  if (expect === undefined) return undefined;
  if (expect === 'first') {
    const answers: ExpectedAnswer[] = [];
    for (const request of requests) answers.push(expectedFromAnswer(await sources.ask(request), tolerance));
    return answers;
  }
  const batches = takesBatches(outputs);
  const samples = await readFileSamples('--expect', expect, { specs: outputs, batches }, sources);
  const bodies = bodiesOf(samples, { rows: entry.rows, batches });
  if (bodies.length !== requests.length) {
    throw new BenchUsageError([
      `--expect ${expect} makes ${bodies.length} answers; --data makes ${requests.length} requests: wanted one answer to each`,
    ]);
  }
  return bodies.map((body) => expectedFromTensors(body, tolerance));
}
