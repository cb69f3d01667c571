import type { SlotState } from './slot-state.js';

/** A slot, as far as it matters for who is in rotation. */
export interface Candidate {
  readonly state: SlotState;
  /** Whether it is kept out of rotation, for when another fails. */
  standby: boolean;
  readonly restarts: number;
}

/** Whether its worker is gone or about to be: also while its successor starts, but not at the server's own start. */
function failing({ state, restarts }: Candidate): boolean {
  if (state === 'suspect' || state === 'dead' || state === 'cooling') return true;
  return restarts > 0 && (state === 'starting' || state === 'warming');
}

/** Lets spares that are warm take the places of slots that fail, which become the spares; whether any did. */
export function relieve(slots: readonly Candidate[]): boolean {
  let relieved = false;
  for (const slot of slots) {
    if (slot.standby || !failing(slot)) continue;
    const spare = slots.find(({ standby, state }) => standby && state === 'ready');
    if (spare === undefined) break;
    spare.standby = false;
    slot.standby = true;
    relieved = true;
  }
  return relieved;
}
