import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { GatewayError, quote } from '../gateway/core/error.js';
import { fileProblem } from '../gateway/core/file-problem.js';
import type { SourceFile, WarmUp } from '../gateway/core/manifest.js';
import { WARM_UP_FOLDER } from '../gateway/core/model-configuration.js';
import { MAX_SAMPLE_BYTES } from './sample-inputs.js';
import { readWarmUpFile } from './warm-up-file.js';

/** Of all files of a version's samples together. */
const MAX_FILES_BYTES = 256 * 1024 * 1024;

/** Samples whose files are the version's own, and where those were copied from. */
export interface CopiedWarmUp {
  readonly warmUp: WarmUp;
  readonly sources: readonly SourceFile[];
}

/**
 * Copies the data files of warm-up samples to the version's own directory: a worker that is started later runs what was run here,
 * whatever has become of the model's directory. Throws FAILED_PRECONDITION naming the sample.
 * @param taken what lies in `outputDir` already, relative to it: weights may have any name
 */
export async function copyWarmUpFiles(
  warmUp: WarmUp,
  outputDir: string,
  taken: readonly string[],
): Promise<CopiedWarmUp> {
  const { modelDirectory, samples } = warmUp;
  const files = filesOf(samples);
  if (modelDirectory === undefined || files.size === 0) return { warmUp, sources: [] };
  const home = join(outputDir, freeFolder(taken));
  await rm(home, { recursive: true, force: true });
  const sources: SourceFile[] = [];
  let bytes = 0;
  for (const [file, sample] of files) {
    try {
      const { source, data } = await readWarmUpFile(modelDirectory, file, {
        least: 0,
        most: MAX_SAMPLE_BYTES,
      });
      bytes += data.length;
      if (bytes > MAX_FILES_BYTES)
        throw refuse(`the files of all samples have over ${MAX_FILES_BYTES} bytes together`);
      await write(join(home, WARM_UP_FOLDER, file), data);
      sources.push(source);
    } catch (error) {
      throw refuse(`model_warmup sample ${quote(sample)}: ${GatewayError.from(error).message}`, error);
    }
  }
  return { warmUp: { ...warmUp, modelDirectory: home }, sources };
}

/** Each file once, with the first sample that has it. */
function filesOf(samples: WarmUp['samples']): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, inputs } of samples)
    for (const { data } of inputs) {
      if (typeof data === 'string') continue;
      const file = normalize(data.file);
      if (!files.has(file)) files.set(file, name);
    }
  return files;
}

/** A folder in which no file of weights lies. */
function freeFolder(taken: readonly string[]): string {
  const first = new Set(taken.map((location) => normalize(location).split('/')[0]));
  let name = 'samples';
  while (first.has(name)) name = `own-${name}`;
  return name;
}

async function write(path: string, data: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data, { flag: 'wx' });
  } catch (error) {
    throw refuse(`its copy for the workers cannot be written (cacheDir): ${fileProblem(error)}`, error);
  }
}

function refuse(message: string, cause?: unknown): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error', cause });
}
