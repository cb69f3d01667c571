import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { GatewayError, quote } from '../gateway/core/error.js';
import { fileProblem } from '../gateway/core/file-problem.js';
import type { SourceFile } from '../gateway/core/manifest.js';
import { WARM_UP_FOLDER } from '../gateway/core/model-configuration.js';
import { realPathInside } from './inside.js';
import { sourceFile } from './source-file.js';

/** How large a file may be, in bytes. */
interface FileSize {
  readonly least: number;
  readonly most: number;
}

/**
 * The bytes of a file in a folder `warmup` of this directory, and what the file looked like. Throws FAILED_PRECONDITION when it cannot be read, is not of the size that
 * is wanted, or really lies outside of the model's directory. Never waits for the other end of a FIFO.
 */
export async function readWarmUpFile(
  modelDirectory: string,
  filename: string,
  { least, most }: FileSize,
): Promise<{ readonly data: Uint8Array<ArrayBuffer>; readonly source: SourceFile }> {
  const inside = `${WARM_UP_FOLDER}/${filename}`;
  const subject = `its file ${quote(inside)}`;
  const path = await realPathInside(modelDirectory, inside, subject);
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      throw refuse(`${subject} cannot be read: ${fileProblem(error)}`);
    },
  );
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refuse(`${subject} is not a regular file`);
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    const wrong = (bytes: number) => refuse(`${subject} has ${bytes} bytes, wanted ${wanted}`);
    if (stat.size < least || stat.size > most) throw wrong(stat.size);
    const bytes = new Uint8Array(stat.size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    // It shrank meanwhile.
    if (bytesRead !== bytes.length) throw wrong(bytesRead);
    return { data: bytes, source: sourceFile(path, stat) };
  } finally {
    await file.close();
  }
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
