import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { GatewayError } from '../gateway/core/error.js';

/**
 * Where a file that a model's configuration names really is, links followed. Throws FAILED_PRECONDITION, beginning with
 * `subject`, when it is not there or lies outside of the model's directory: whoever wrote the configuration is not trusted
 * with paths.
 */
export async function realPathInside(
  modelDirectory: string,
  filename: string,
  subject: string,
): Promise<string> {
  const home = `${await realpath(modelDirectory)}${sep}`;
  const path = await realpath(join(modelDirectory, filename)).catch((error: NodeJS.ErrnoException) => {
    throw refuse(`${subject} cannot be read: ${error.code ?? 'unknown reason'}`);
  });
  if (!path.startsWith(home)) throw refuse(`${subject} lies outside of the model's directory`);
  return path;
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
