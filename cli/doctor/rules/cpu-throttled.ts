import { between, type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';

/** The kernel holds the container back since its CPU quota is spent: everything is late, and nothing looks busy. */
export function cpuThrottled({ view, heldBackPerSec, cores, coresUsed }: Signs): Finding | undefined {
  const share = view.throttledShare ?? 0;
  if (share < 0.05) return undefined;
  return {
    cause: 'cpu_throttled',
    summary: 'The CPU quota of the container is spent: the kernel holds the server back',
    score: between(share, [0.05, 0.65], [0.3, 0.98]),
    evidence: [
      `held back in ${percent(share)} of the quota's periods, ${(heldBackPerSec * 1000).toFixed(0)} ms of each second`,
      `it counts on ${cores} core${cores === 1 ? '' : 's'}, and used ${coresUsed.toFixed(1)}`,
    ],
    next: 'cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.stat',
    advice:
      'in its container, tells the quota. Raise the CPU limit, or run fewer workers (--workers); a limit that is no whole number of cores is spent before each period ends.',
  };
}
