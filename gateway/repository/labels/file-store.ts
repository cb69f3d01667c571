import { GatewayError, quote } from '../../core/error.js';
import { readTextFile } from '../../core/read-text-file.js';
import type { DesiredState } from './desired-state.js';
import type { LabelStore } from './label-store.js';
import { MAX_STATE_BYTES, readState } from './state-text.js';

/** Reads the state from one file that others write, a mounted ConfigMap say: it is never changed from here. */
export function fileStore(path: string): LabelStore {
  return {
    readOnly: `labels are read from ${quote(path, 200)} (labelsFile): change that file`,
    read: () => readStateFile(path),
    write: () => Promise.resolve(false),
  };
}

/** Reads one document. Rejects with FAILED_PRECONDITION, naming the file and what is wrong with it. */
export async function readStateFile(path: string): Promise<DesiredState> {
  const file = await readTextFile(path, MAX_STATE_BYTES);
  const state = 'fault' in file ? file : readState(file.text);
  if (!('fault' in state)) return state;
  throw new GatewayError(
    'FAILED_PRECONDITION',
    `cannot read labels from ${quote(path, 200)}: ${state.fault}`,
  );
}
