import type { ModelMemory } from '../core/manifest.js';

/** Part of the limit that is left free: what is measured is an estimate, and a batch of many rows takes more. */
const MARGIN = 0.1;
const MIB = 1024 * 1024;

/** A copy of a version that workers hold. */
export interface HeldCopy {
  /** `model/version`. */
  readonly key: string;
  /** Of all its workers together. */
  readonly bytes: number;
  /** `kept`: loaded for a step back, or until the new one is there, and not what answers. `leaving`: being let go. */
  readonly role: 'served' | 'kept' | 'leaving';
}

export interface MemorySituation {
  readonly limit: { readonly bytes: number; readonly source: string };
  /** What the server takes without any model. */
  readonly serverBytes: number;
  readonly held: readonly HeldCopy[];
  /** What is to be loaded, on so many workers, one after the other. */
  readonly incoming: { readonly model: string; readonly memory: ModelMemory; readonly workers: number };
}

/** What is to be done so that a version can be loaded. */
export type MemoryPlan =
  | { readonly kind: 'fits' }
  /** What is leaving makes enough room. */
  | { readonly kind: 'wait' }
  /** These are to be let go first. */
  | { readonly kind: 'give_up'; readonly keys: readonly string[] }
  | { readonly kind: 'refuse'; readonly why: string };

/** All workers hold it, and the last one is on its way there: pure. */
function incomingBytes({ memory, workers }: MemorySituation['incoming']): number {
  return workers * memory.sessionBytes + memory.peakBytes - memory.sessionBytes;
}

/**
 * Whether a version can be loaded beside what is loaded, within the limit less a tenth: pure. Of what is merely kept, as little
 * is given up as will do, versions of the same model first (as they come: the oldest), and nothing where even all of it would not.
 */
export function planMemory({ limit, serverBytes, held, incoming }: MemorySituation): MemoryPlan {
  const allowed = Math.floor(limit.bytes * (1 - MARGIN));
  const needed = incomingBytes(incoming);
  const inUse = serverBytes + sum(held);
  if (inUse + needed <= allowed) return { kind: 'fits' };
  let excess = inUse + needed - allowed - sum(held.filter(({ role }) => role === 'leaving'));
  if (excess <= 0) return { kind: 'wait' };
  const isSame = ({ key }: HeldCopy): number => Number(key.startsWith(`${incoming.model}/`));
  const kept = held
    .filter(({ role }) => role === 'kept')
    .sort((a, b) => isSame(b) - isSame(a) || (isSame(a) ? 0 : b.bytes - a.bytes));
  const keys: string[] = [];
  for (const { key, bytes } of kept) {
    if (excess <= 0) break;
    keys.push(key);
    excess -= bytes;
  }
  if (excess <= 0) return { kind: 'give_up', keys };
  const why =
    `it needs ${inMiB(needed)} of memory (${incoming.workers} x ${inMiB(incoming.memory.sessionBytes)}, ` +
    `${inMiB(incoming.memory.peakBytes)} while it is loaded), ${inMiB(inUse)} are in use, and of ${inMiB(limit.bytes)} ` +
    `(${limit.source}) ${inMiB(allowed)} may be: give it more, serve fewer versions, or have fewer workers`;
  return { kind: 'refuse', why };
}

function sum(copies: readonly HeldCopy[]): number {
  return copies.reduce((total, { bytes }) => total + bytes, 0);
}

function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
