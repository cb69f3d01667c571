import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Channel, RunOutcome } from '../../gateway/core/channel.js';
import type { Manifest, PrepareRequest } from '../../gateway/core/manifest.js';
import type { Tensor } from '../../gateway/core/tensor.js';

/** A directory that is gone after the test. */
export async function temporaryDirectory(context: { after(fn: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a model file and says how to prepare it. */
export async function modelRequest(
  directory: string,
  bytes: Uint8Array,
  overrides: Partial<PrepareRequest> = {},
): Promise<PrepareRequest> {
  const request: PrepareRequest = {
    model: 'm',
    version: 1,
    modelPath: join(directory, 'model.onnx'),
    outputDir: join(directory, 'prepared'),
    defaultMaxBatchSize: 256,
    intraOpThreads: 1,
    ...overrides,
  };
  await writeFile(request.modelPath, bytes);
  return request;
}

/** An FP32 tensor in a buffer of its own. */
export function fp32(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

export function fp32Values(tensor: Tensor | undefined): number[] {
  if (tensor?.datatype !== 'FP32') throw new Error(`not an FP32 tensor: ${tensor?.datatype}`);
  return [...new Float32Array(tensor.data.slice().buffer)];
}

/** One run of all outputs. */
export function runOn(channel: Channel, manifest: Manifest, inputs: readonly Tensor[]): Promise<RunOutcome> {
  const key = `${manifest.model}/${manifest.version}`;
  const outputs = manifest.signature.outputs.map((output) => output.name);
  return new Promise((resolve) => channel.run({ key, inputs, outputs }, resolve));
}
