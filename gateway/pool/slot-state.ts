/**
 * Life of a slot: `starting` a worker, `warming` it with every hosted version, `ready` or `busy` in rotation, `suspect`
 * after a fault until its worker has ended, `dead`, `cooling` before the next start, and `stopped` for good.
 */
export type SlotState =
  | 'starting'
  | 'warming'
  | 'ready'
  | 'busy'
  | 'suspect'
  | 'dead'
  | 'cooling'
  | 'stopped';

const TRANSITIONS: Readonly<Record<SlotState, readonly SlotState[]>> = {
  starting: ['warming', 'dead', 'stopped'],
  warming: ['ready', 'dead', 'stopped'],
  ready: ['busy', 'suspect', 'dead', 'stopped'],
  busy: ['ready', 'suspect', 'dead', 'stopped'],
  suspect: ['ready', 'dead', 'stopped'],
  dead: ['starting', 'cooling', 'stopped'],
  cooling: ['starting', 'stopped'],
  stopped: [],
};

/** The state `to`, if it may follow `from`. Throws otherwise: a bug, never a client's doing. */
export function transition(from: SlotState, to: SlotState): SlotState {
  if (!TRANSITIONS[from].includes(to))
    throw new Error(
      `a slot cannot go from ${from} to ${to}, only to ${TRANSITIONS[from].join(', ') || 'nothing'}`,
    );
  return to;
}

/** In rotation: its worker answers and holds the hosted versions. */
export function isLive(state: SlotState): boolean {
  return state === 'ready' || state === 'busy';
}
