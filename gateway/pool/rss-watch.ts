import { readFileSync } from 'node:fs';
import type { Clock, TimerHandle } from '../core/clock.js';

/** How often is looked. A read takes about 20 us. */
const LOOK_EVERY_MS = 1000;
const MIB = 1024 * 1024;

export interface RssWatchOptions {
  readonly clock: Clock;
  readonly maxBytes: number;
  readonly onExcess: (reason: string) => void;
  /** @default 1000 */
  readonly everyMs?: number;
  /** Whether the most that it ever had counts, not what it has: no spike between two looks is missed. @default false */
  readonly peak?: boolean;
  /** @default what Linux says of the process */
  readonly statusOf?: (pid: number) => string;
}

/** Watches the resident memory of a process, and says once when it has more than it may. Stops by itself when it is gone. */
export function watchRss(pid: number, options: RssWatchOptions): TimerHandle {
  const { clock, maxBytes, onExcess, everyMs = LOOK_EVERY_MS, peak = false, statusOf = readStatus } = options;
  let timer: TimerHandle;
  const look = (): void => {
    const status = statusOf(pid);
    const bytes = (peak ? peakRssBytes(status) : undefined) ?? rssBytes(status);
    if (bytes === undefined) return;
    if (bytes > maxBytes)
      onExcess(`it has ${inMiB(bytes)} of resident memory, at most ${inMiB(maxBytes)} are allowed`);
    else timer = clock.setTimer(look, everyMs, { unref: true });
  };
  timer = clock.setTimer(look, everyMs, { unref: true });
  return { cancel: () => timer.cancel() };
}

/** The resident memory in a `/proc/<pid>/status`, which unlike `statm` does not count in the machine's pages: pure. */
export function rssBytes(status: string): number | undefined {
  return bytesOf(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

/** The most resident memory that there was, likewise: pure. Not told by every kernel. */
function peakRssBytes(status: string): number | undefined {
  return bytesOf(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
}

function bytesOf(kib: string | undefined): number | undefined {
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** What Linux says of a process: '' when it is gone, or where this is not Linux. */
export function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

function inMiB(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
