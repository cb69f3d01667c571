import type { DesiredState } from './desired-state.js';

/** Where the desired state is kept. */
export interface LabelStore {
  /** Why nothing can be changed by a call; undefined where it can. */
  readonly readOnly: string | undefined;
  /** The state as it is now. Rejects with a GatewayError that names the file where it cannot be had. */
  read(): Promise<DesiredState>;
  /** Makes `next` the state, whole or not at all; false where another writer has made that generation. */
  write(next: DesiredState): Promise<boolean>;
}

/** Keeps the state in memory: it ends with the process. */
export function memoryStore(initial: DesiredState): LabelStore {
  let state = initial;
  return {
    readOnly: undefined,
    read: async () => state,
    write: async (next) => {
      if (next.generation !== state.generation + 1) return false;
      state = next;
      return true;
    },
  };
}
