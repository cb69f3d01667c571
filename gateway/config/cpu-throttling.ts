import { findChains, type MachineFacts } from './machine.js';

/** How often and for how long the kernel has held the container back because its CPU quota was spent. */
export interface CpuThrottling {
  /** Periods in which it ran at all, and those of them in which it was held back. */
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledSeconds: number;
}

/**
 * A function that reads `cpu.stat` of the process's cgroup and of those above it (v2: `throttled_usec`, see admin-guide/cgroup-v2;
 * v1: `throttled_time` in nanoseconds). The quota may be that of any of them, a pod's say: the one that has counted most
 * periods tells. Undefined where none of them counts any.
 */
export function throttlingReader({
  readFile,
}: Pick<MachineFacts, 'readFile'>): () => CpuThrottling | undefined {
  const { v2, v1Cpu } = findChains(readFile);
  const files = [...v2, ...v1Cpu].map((dir) => `${dir}/cpu.stat`);
  return () => {
    let most: CpuThrottling | undefined;
    for (const file of files) {
      const found = parse(readFile(file));
      if (found !== undefined && (most === undefined || found.periods > most.periods)) most = found;
    }
    return most;
  };
}

/** The counters of a `cpu.stat`; undefined where it has none of throttling: the root's, or no controller is on. */
function parse(text: string | undefined): CpuThrottling | undefined {
  const values = new Map<string, number>();
  for (const line of (text ?? '').split('\n')) {
    const [name, value] = line.split(' ');
    if (name !== undefined && value !== undefined) values.set(name, Number(value));
  }
  const periods = values.get('nr_periods');
  const throttledPeriods = values.get('nr_throttled');
  const usec = values.get('throttled_usec');
  const nsec = values.get('throttled_time');
  const throttledSeconds = usec === undefined ? nsec && nsec / 1e9 : usec / 1e6;
  if (periods === undefined || throttledPeriods === undefined) return undefined;
  return { periods, throttledPeriods, throttledSeconds: throttledSeconds ?? 0 };
}
