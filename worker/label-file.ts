import { GatewayError, quote } from '../gateway/core/error.js';
import { readTextFile } from '../gateway/core/read-text-file.js';
import { realPathInside } from './inside.js';

/** Some 100 000 labels of ordinary length. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_LABELS = 100_000;
const MAX_LABEL_CHARS = 1000;

/**
 * The class labels in a file that config.pbtxt names, one a line, by the index of their class. Throws FAILED_PRECONDITION
 * when it cannot be read, is too large, or really lies outside of the model's directory.
 */
export async function readLabels(modelDirectory: string, filename: string): Promise<string[]> {
  const subject = `its label file ${quote(filename)}`;
  const path = await realPathInside(modelDirectory, filename, subject);
  const file = await readTextFile(path, MAX_BYTES);
  if ('fault' in file) throw refuse(`${subject} cannot be read: ${file.fault}`);
  const labels = file.text.split(/\r?\n/);
  // What ends with a newline has no line after it.
  if (labels.at(-1) === '') labels.pop();
  if (labels.length > MAX_LABELS)
    throw refuse(`${subject} has ${labels.length} lines, at most ${MAX_LABELS} are taken`);
  const long = labels.findIndex((label) => label.length > MAX_LABEL_CHARS);
  if (long >= 0)
    throw refuse(
      `${subject} has over ${MAX_LABEL_CHARS} characters on line ${long + 1}: wanted one label a line`,
    );
  return labels;
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
