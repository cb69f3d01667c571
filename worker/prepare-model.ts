import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monotonicMs } from '../gateway/core/clock.js';
import { type Datatype, SERVED_DATATYPES } from '../gateway/core/datatype.js';
import { GatewayError, quote } from '../gateway/core/error.js';
import { fileProblem } from '../gateway/core/file-problem.js';
import type { Manifest, PrepareRequest, SourceFile, WarmUp } from '../gateway/core/manifest.js';
import type { Signature, TensorSpec } from '../gateway/core/model.js';
import { AllocationWatch, isAllocationFailure } from './allocation-watch.js';
import { declaredInputs, declaredOutputs } from './declared-tensors.js';
import { refuseEndless } from './endless-operators.js';
import { fileNames } from './file-names.js';
import type { ModelProto } from './gen/onnx/onnx_subset_pb.js';
import { readGolden } from './golden-file.js';
import { passGoldenGate } from './golden-gate.js';
import { knownRows } from './golden-rows.js';
import { readLabels } from './label-file.js';
import { MemoryGauge } from './memory-gauge.js';
import {
  type DeclaredValue,
  declaredValues,
  encodeModel,
  externalFiles,
  MAX_MODEL_BYTES,
  operatorSets,
  parseModel,
  removeZipMaps,
} from './onnx-graph.js';
import { OnnxSession, type SessionValue } from './onnx-runtime.js';
import { markOpaque, markPassed, passedThrough } from './passed-through.js';
import { passingRun } from './passing-session.js';
import { type ProbeResult, probe } from './probe.js';
import { reshapedRun } from './reshaped-session.js';
import { settleNames } from './settle-names.js';
import { settleScheduling } from './settle-scheduling.js';
import { autofill } from './signature.js';
import { sourceFile } from './source-file.js';
import { prepareWaiting } from './waiting-runtime.js';
import { isWaitingModel } from './waiting-spec.js';
import { warmRuntime } from './warm-runtime.js';
import { warmUp } from './warm-up.js';
import { type CopiedWarmUp, copyWarmUpFiles } from './warm-up-copies.js';
import { givenRows } from './warm-up-inputs.js';
import { findWeights, freeName, placeWeightFiles, type WeightFile } from './weight-files.js';

/** Time for the batch check and the latency samples together (docs/ARCHITECTURE.md, "Batching must not change answers"). */
const PROBE_BUDGET_MS = 2000;

/**
 * Finds out whether and how a version can be served: reads and refuses, strips ZipMap, makes a session, fills in the
 * signature, checks that batching does not change answers, and times a few runs. Rejects with FAILED_PRECONDITION, or
 * RESOURCE_EXHAUSTED where memory was wanting, and a message that names the model version and contains `failed to load`.
 */
export async function prepareModel(request: PrepareRequest): Promise<Manifest> {
  try {
    if (isWaitingModel(request.modelPath))
      return settleScheduling(settleNames(await prepareWaiting(request), undefined));
    return settleScheduling(await prepare(request));
  } catch (error) {
    const exhausted = isAllocationFailure(error);
    const why = exhausted ? 'no memory was left while it was prepared (prepareMemoryBytes): ' : '';
    const reason = error instanceof GatewayError ? error.message : 'internal error while preparing it';
    throw new GatewayError(
      exhausted ? 'RESOURCE_EXHAUSTED' : 'FAILED_PRECONDITION',
      `failed to load model ${quote(request.model)} version ${request.version}: ${why}${reason}`,
      { reason: 'model_error', cause: error },
    );
  }
}

async function prepare(request: PrepareRequest): Promise<Manifest> {
  const { bytes, source } = await readModelFile(request.modelPath);
  const model = parseModel(bytes);
  if (request.allowLoops !== true) refuseEndless(model);
  const golden = await readGolden(request);
  const { changed, labels } = removeZipMaps(model);
  const found = fileNames(model);
  const declared = declaredValues(model);
  for (const input of declared.inputs) refuseUnserved('input', input);
  for (const output of declared.outputs) refuseUnserved('output', output);
  const weightFiles = await findWeights(request, externalFiles(model));
  const preparedPath = await writePrepared(request, changed ? encodeModel(model) : bytes, weightFiles);
  const warnings: string[] = changed
    ? ['its ZipMap was replaced by the tensor of scores; the class labels are the output’s labels']
    : [];
  const weightBytes = weightFiles.reduce((sum, file) => sum + file.source.bytes, bytes.length);
  await warmRuntime();
  const gauge = new MemoryGauge();
  const session = await createSession(preparedPath, request, model);
  try {
    const inputs = session.inputs.map((value) => inputSpec(value, declared.inputs));
    const outputs = session.outputs.map((value) => outputSpec(value, declared.outputs, labels, warnings));
    const passed = passedThrough(model);
    const wanted = await configure(markOpaque(inputs, passed), markPassed(outputs, inputs, passed), request);
    const watched = new AllocationWatch({
      run: reshapedRun(
        passingRun((tensors, names) => session.run(tensors, names), wanted),
        wanted,
      ),
    });
    const samples = await ownSamples(warmUpOf(inputs, outputs, request), request, weightFiles);
    // What a worker will run first: a model that hangs on it or crashes must do so here.
    await warmUp(watched, { ...wanted, ...(samples && { warmUp: samples.warmUp }) });
    watched.check();
    const known = golden === undefined ? undefined : knownRows(golden, wanted);
    const given = samples ? await givenRows(samples.warmUp, wanted.inputs) : known?.probe;
    const probed = await probe(watched, wanted, PROBE_BUDGET_MS, monotonicMs, given);
    watched.check();
    const signature = settle(wanted, probed, warnings);
    if (golden !== undefined) await passGoldenGate(watched, signature, golden);
    watched.check();
    const manifest: Manifest = {
      model: request.model,
      version: request.version,
      signature,
      preparedPath,
      batchCheck: probed.check,
      latency: probed.latency,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      memory: gauge.read(weightBytes),
      warnings,
      ...(request.configuration && { configuration: request.configuration }),
      sources: [source, ...weightFiles.map((file) => file.source), ...(samples?.sources ?? [])],
      ...(samples && { warmUp: samples.warmUp }),
      ...(known && known.warmUp.length > 0 && { goldenRows: known.warmUp }),
    };
    return settleNames(manifest, found);
  } finally {
    await session.release();
  }
}

/** The signature that the model's own, its configuration and the server's settings come to. */
async function configure(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  request: PrepareRequest,
): Promise<Signature> {
  const { configuration, modelDirectory } = request;
  if (configuration === undefined) return autofill(inputs, outputs, request);
  const batched = leavesBatchOut(inputs, outputs, request);
  const joined = declaredOutputs(outputs, configuration.outputs, batched);
  const labelled = joined.map(async (output) => {
    const file = configuration.outputs.find(({ name }) => name === output.name)?.labelFilename;
    if (file === undefined || modelDirectory === undefined) return output;
    return { ...output, labels: await readLabels(modelDirectory, file) };
  });
  return autofill(
    declaredInputs(inputs, configuration.inputs, batched),
    await Promise.all(labelled),
    request,
  );
}

/** Whether dims in config.pbtxt are without the batch dimension: its own matter, whatever the operator makes of the batch size. */
function leavesBatchOut(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  request: PrepareRequest,
): boolean {
  const own = request.configuration?.maxBatchSize;
  return (own ?? autofill(inputs, outputs, { ...request, maxBatchSize: undefined }).maxBatchSize) > 0;
}

/** What a worker is to run first, where config.pbtxt says. */
function warmUpOf(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  request: PrepareRequest,
): WarmUp | undefined {
  const { configuration, modelDirectory } = request;
  const samples = (configuration?.warmUp ?? []).filter(({ batchSize }) => batchSize > 0);
  if (samples.length === 0) return undefined;
  const batched = leavesBatchOut(inputs, outputs, request);
  return { samples, batched, ...(modelDirectory !== undefined && { modelDirectory }) };
}

/** Those samples with their files in the version's own directory. */
async function ownSamples(
  samples: WarmUp | undefined,
  { outputDir }: PrepareRequest,
  weightFiles: readonly WeightFile[],
): Promise<CopiedWarmUp | undefined> {
  const taken = weightFiles.map(({ location }) => location);
  return samples && copyWarmUpFiles(samples, outputDir, taken);
}

async function readModelFile(path: string): Promise<{ bytes: Uint8Array; source: SourceFile }> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // Not waiting for the other end of a FIFO: it is refused below.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw refuse(`its file cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}`);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refuse('its model.onnx is not a regular file');
    if (stat.size > MAX_MODEL_BYTES)
      throw refuse(
        `its file has ${stat.size} bytes, an ONNX file at most 2 GiB: keep weights as external data`,
      );
    return { bytes: await file.readFile(), source: sourceFile(path, stat) };
  } finally {
    await file.close();
  }
}

/**
 * Writes what workers load, with the files of its weights beside it. A copy also of a model that needs no rewriting: a worker that
 * is started later loads what was checked here, whatever has become of the repository.
 */
async function writePrepared(
  { outputDir }: PrepareRequest,
  bytes: Uint8Array,
  weightFiles: readonly WeightFile[],
): Promise<string> {
  const path = join(outputDir, freeName(weightFiles.map(({ location }) => location)));
  try {
    await mkdir(outputDir, { recursive: true });
    await placeWeightFiles(weightFiles, outputDir);
    // Never through what is there: a former run may have left a link.
    await rm(path, { force: true });
    await writeFile(path, bytes, { flag: 'wx' });
    return path;
  } catch (error) {
    // What could not be read of the weights was told before: this is about what cannot be written.
    throw refuse(`its copy for the workers cannot be written (cacheDir): ${fileProblem(error)}`, error);
  }
}

async function createSession(path: string, request: PrepareRequest, model: ModelProto): Promise<OnnxSession> {
  try {
    const { intraOpThreads, configuration } = request;
    return await OnnxSession.create(path, { intraOpThreads, ...configuration?.runtime });
  } catch (error) {
    const { message } = GatewayError.from(error);
    throw refuse(`${message} (operator sets: ${operatorSets(model).join(', ')})`, error);
  }
}

function refuseUnserved(
  role: 'input' | 'output',
  value: { name: string; datatype: string | undefined },
): void {
  if (value.datatype === undefined || SERVED_DATATYPES.has(value.datatype as Datatype)) return;
  throw refuse(
    `${role} ${quote(value.name)} has datatype ${value.datatype}, served are ${[...SERVED_DATATYPES].join(', ')}`,
  );
}

function servedDatatype(role: 'input' | 'output', value: SessionValue): Datatype {
  if (value.datatype === undefined)
    throw refuse(
      `${role} ${quote(value.name)} is not a tensor (a sequence, map or optional), only tensors are served`,
    );
  refuseUnserved(role, value);
  return value.datatype as Datatype;
}

function inputSpec(value: SessionValue, declared: readonly DeclaredValue[]): TensorSpec {
  const datatype = servedDatatype('input', value);
  if (declared.find(({ name }) => name === value.name)?.ranked === false)
    throw refuse(
      `input ${quote(value.name)} has no shape, not even its number of dimensions: export the model with one`,
    );
  return { name: value.name, datatype, shape: value.shape };
}

function outputSpec(
  value: SessionValue,
  declared: readonly DeclaredValue[],
  labels: ReadonlyMap<string, readonly string[]>,
  warnings: string[],
): TensorSpec {
  const datatype = servedDatatype('output', value);
  const classes = labels.get(value.name);
  let shape = value.shape;
  if (shape.length === 0 && declared.find(({ name }) => name === value.name)?.ranked === false) {
    shape = [-1];
    warnings.push(`output ${quote(value.name)} has no shape in the model: it is described as [-1]`);
  }
  return { name: value.name, datatype, shape, ...(classes && classes.length > 0 ? { labels: classes } : {}) };
}

/** The signature after what the probe saw, and the words for it. */
function settle(wanted: Signature, probed: ProbeResult, warnings: string[]): Signature {
  if (probed.check === 'differs') {
    warnings.push(`batching changes its answers, so that requests run one by one: ${probed.why}`);
    return { ...wanted, batchable: false, maxBatchSize: 0 };
  }
  if (probed.check === 'unknown')
    warnings.push(`it is batched, but whether that changes its answers could not be verified: ${probed.why}`);
  return wanted;
}

function refuse(message: string, cause?: unknown): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error', cause });
}
