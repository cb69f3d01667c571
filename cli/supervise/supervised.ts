import type { Keeper } from '../../gateway/main.js';
import { MARKER, type ProgressMessage, type StopMessage } from './messages.js';

/** The supervisor of this process, when there is one. Takes the mark away: what this process starts is not supervised. */
export function findKeeper(): Keeper | undefined {
  const marked = process.env[MARKER] !== undefined;
  delete process.env[MARKER];
  if (!marked || process.send === undefined) return undefined;
  return {
    // A supervisor that cannot be told is gone, and that is noticed anyway.
    tell: (progress) => void process.send?.({ progress } satisfies ProgressMessage, () => {}),
    // Signals do not come as signals: from a terminal, or from systemd, both processes get each, and one must not count as two.
    onStop: (listener) => void process.on('message', ({ stop }: StopMessage) => listener(stop)),
    onGone: (listener) => void process.on('disconnect', listener),
  };
}
