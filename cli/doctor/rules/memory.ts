import { between, type Finding, percent, size } from '../finding.js';
import type { Signs } from '../signs.js';

/** The process is about to be killed for its memory. */
export function memory({ view, queuedBytes }: Signs): Finding | undefined {
  const { residentBytes, limitBytes, versions } = view;
  const share = limitBytes > 0 ? residentBytes / limitBytes : 0;
  if (share < 0.85) return undefined;
  const largest = [...versions]
    .filter(({ memoryBytes = 0 }) => memoryBytes > 0)
    .sort((a, b) => (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0))[0];
  const models = versions.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, 0);
  return {
    cause: 'memory',
    summary: `The memory is nearly all used: ${percent(share)} of what the server may have`,
    score: between(share, [0.85, 0.65], [0.97, 0.98]),
    evidence: [
      `resident ${size(residentBytes)} of ${size(limitBytes)}; requests that wait or run hold ${size(queuedBytes)}`,
      `models take ${size(models)} by measurement${largest ? `, most of it ${largest.model} version ${largest.version}: ${size(largest.memoryBytes ?? 0)}` : ''}`,
    ],
    next: 'sluice models',
    asks: 'grpc',
    advice:
      'lists what each version takes. Give up versions that nobody needs ("sluice unload", --keep-previous=false), run fewer workers, or raise the limit before the kernel kills the server.',
  };
}
