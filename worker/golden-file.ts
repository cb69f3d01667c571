import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { GatewayError } from '../gateway/core/error.js';
import { fileProblem } from '../gateway/core/file-problem.js';
import {
  GOLDEN_FILE,
  MAX_GOLDEN_BYTES,
  MAX_GOLDEN_LINE_CHARS,
  MAX_GOLDEN_LINES,
} from '../gateway/core/golden.js';
import type { PrepareRequest } from '../gateway/core/manifest.js';

type Where = Pick<PrepareRequest, 'modelPath' | 'logicalPath'>;

/** Whether a version has golden answers, good ones or not. */
export async function hasGolden(where: Where): Promise<boolean> {
  return (await findGolden(placesOf(where))) !== undefined;
}

/**
 * The text of a version's golden answers; undefined where it has none. Whoever wrote it is not trusted: it must be a regular file
 * with one name, in the directory of the model file or of its link, links followed. Never waits for the other end of a FIFO.
 * Throws FAILED_PRECONDITION.
 */
export async function readGolden(where: Where): Promise<string | undefined> {
  const places = placesOf(where);
  const path = await findGolden(places);
  return path && readInside(path, [...places, dirname(where.modelPath)]);
}

function placesOf({ modelPath, logicalPath }: Where): string[] {
  const beside = dirname(logicalPath ?? modelPath);
  // A model of several files is a directory model.onnx/ in the version's own.
  return basename(beside).endsWith('.onnx') ? [beside, dirname(beside)] : [beside];
}

async function findGolden(places: readonly string[]): Promise<string | undefined> {
  for (const place of places) {
    const path = join(place, GOLDEN_FILE);
    const missing = await lstat(path).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (!missing) return path;
  }
  return undefined;
}

async function readInside(logical: string, homes: readonly string[]): Promise<string> {
  let file: FileHandle;
  try {
    const path = await realpath(logical);
    const real = await Promise.all(homes.map((home) => realpath(home)));
    if (!real.some((home) => path.startsWith(`${home}${sep}`)))
      throw refuse('it is a link out of the directory of its version');
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    throw error instanceof GatewayError ? error : refuse(`it cannot be read: ${fileProblem(error)}`);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refuse('it is not a regular file');
    // A second name may be that of any file of the disk, and messages quote what is in it.
    if (stat.nlink !== 1) throw refuse('it is a hard link: wanted a file with one name');
    if (stat.size > MAX_GOLDEN_BYTES)
      throw refuse(`it has ${stat.size} bytes, at most ${MAX_GOLDEN_BYTES} are read`);
    const bytes = Buffer.alloc(stat.size);
    const { bytesRead } = await file.read(bytes, 0, stat.size, 0);
    const content = bytes.subarray(0, bytesRead);
    if (!isUtf8(content)) throw refuse('it is not valid UTF-8');
    return content.toString('utf8').replace(/^\uFEFF/, '');
  } finally {
    await file.close();
  }
}

/** Its lines that are not blank, with their numbers from 1. Throws FAILED_PRECONDITION for too many or too long ones. */
export function* goldenLines(text: string): Generator<{ line: number; text: string }> {
  let line = 0;
  for (let at = 0; at < text.length; ) {
    line++;
    if (line > MAX_GOLDEN_LINES) throw refuse(`it has over ${MAX_GOLDEN_LINES} lines`);
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    if (end - at > MAX_GOLDEN_LINE_CHARS)
      throw refuse(`line ${line} has ${end - at} characters, at most ${MAX_GOLDEN_LINE_CHARS} are read`);
    const content = text.slice(at, end).trim();
    if (content !== '') yield { line, text: content };
    at = end + 1;
  }
}

function refuse(problem: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', `${GOLDEN_FILE}: ${problem}`, { reason: 'model_error' });
}
