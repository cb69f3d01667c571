import { readFileSync, writeFileSync } from 'node:fs';
import type { ModelMemory } from '../gateway/core/manifest.js';

/** How a process sees its own memory. */
export interface MemoryFacts {
  readonly rssBytes: () => number;
  /** Lets the peak begin anew; returns whether that worked. */
  readonly resetPeak: () => boolean;
  /** Most resident memory that there was; undefined where the system does not tell. */
  readonly peakBytes: () => number | undefined;
}

/** Measures what a session adds to the memory of this process: made before it, read when it has run. */
export class MemoryGauge {
  readonly #facts: MemoryFacts;
  readonly #before: number;
  readonly #formerPeak: number;

  constructor(facts: MemoryFacts = OWN_MEMORY) {
    this.#facts = facts;
    this.#formerPeak = facts.resetPeak() ? 0 : (facts.peakBytes() ?? 0);
    this.#before = facts.rssBytes();
  }

  /** @param atLeast what it takes in any case: its weights may lie where something else was freed before. */
  read(atLeast: number): ModelMemory {
    const sessionBytes = Math.max(atLeast, this.#facts.rssBytes() - this.#before);
    const peak = this.#facts.peakBytes() ?? 0;
    // A peak that was there before says nothing of this one.
    const risen = peak > this.#formerPeak ? peak - this.#before : 0;
    return { sessionBytes, peakBytes: Math.max(sessionBytes, risen) };
  }
}

const OWN_MEMORY: MemoryFacts = {
  rssBytes: () => process.memoryUsage.rss(),
  resetPeak() {
    try {
      // proc_pid_clear_refs(5): 5 sets the peak back to what is resident now.
      writeFileSync('/proc/self/clear_refs', '5');
      return true;
    } catch {
      return false;
    }
  },
  peakBytes() {
    try {
      const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
      return kib === undefined ? undefined : Number(kib) * 1024;
    } catch {
      return undefined;
    }
  },
};
