import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which cores the two sides run on. */
export interface Cores {
  /** Arguments that put a command on the server's core, to be written before it; empty where that cannot be done. */
  readonly one: readonly string[];
  /** The same for all cores. */
  readonly all: readonly string[];
  /** How many there are. */
  readonly count: number;
  /** For people. */
  readonly how: string;
}

/** `0-3,7` as the kernel writes it. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
}

/**
 * Puts this process, the load generator, on the second core, and says how servers are put on the first. Without
 * `taskset` or a second core nobody is put anywhere.
 */
export function takeCores(): Cores {
  const allowed = allowedCpus();
  const [first, second] = allowed;
  const free = { one: [], all: [], count: allowed.length };
  if (first === undefined || second === undefined)
    return { ...free, how: 'one core for everything: generator and server disturb each other' };
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', String(second), String(process.pid)]);
  if (status !== 0) return { ...free, how: 'not pinned (no taskset): expect more noise' };
  return {
    one: ['taskset', '-c', String(first)],
    all: ['taskset', '-c', allowed.join(',')],
    count: allowed.length,
    how: `server on core ${first}, generator on core ${second}`,
  };
}

function allowedCpus(): number[] {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return parseCpuList(/^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? '');
  } catch {
    return [];
  }
}
