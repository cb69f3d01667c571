import { dirname } from 'node:path';
import { quote } from '../core/error.js';
import { readTextFile } from '../core/read-text-file.js';
import { type ModelList, readModelList } from '../core/tfs/model-list.js';
import { ModelServerConfigSchema } from '../gen/tensorflow_serving/config/model_server_config_pb.js';
import { MAX_CONFIG_BYTES } from './find-configuration.js';
import { parseText } from './pbtxt/parser.js';
import { PbtxtError } from './pbtxt/pbtxt-error.js';

/** Reads TensorFlow Serving's `--model_config_file`, or says in words why it cannot be used, with the place. Never rejects. */
export async function readModelListFile(path: string): Promise<ModelList | { readonly fault: string }> {
  const file = await readTextFile(path, MAX_CONFIG_BYTES);
  if ('fault' in file) return { fault: `${quote(path, 200)} cannot be read: ${file.fault}` };
  try {
    return readModelList(parseText(ModelServerConfigSchema, file.text).message);
  } catch (error) {
    const { message } = error as Error;
    if (!(error instanceof PbtxtError)) return { fault: `${quote(path, 200)}: ${message}` };
    return { fault: `${quote(path, 200)}:${error.place.line}:${error.place.column}: ${message}` };
  }
}

/** Directories under which lists that come by a call may name models: those that the server was started with. */
export function rootsOf(list: ModelList | undefined): string[] {
  return (list?.models ?? []).map(({ basePath }) => dirname(basePath));
}
