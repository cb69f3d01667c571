import { type Finding, shellWord } from '../finding.js';
import type { Signs } from '../signs.js';

/** Versions that could not be loaded. */
export function brokenVersion({ versions }: Signs): Finding | undefined {
  const broken = versions.filter(({ state }) => state === 'failed');
  const [first] = broken;
  if (first === undefined) return undefined;
  const dark = broken.filter(
    ({ model }) => !versions.some((other) => other.model === model && other.state === 'available'),
  );
  const named = (list: readonly { readonly model: string; readonly version: string }[]): string =>
    list
      .slice(0, 5)
      .map(({ model, version }) => `${model} version ${version}`)
      .join(', ');
  return {
    cause: 'broken_version',
    summary: `${named(broken)} could not be loaded`,
    score: dark.length > 0 ? 0.7 : 0.45,
    evidence: [
      `${broken.length} version(s) have failed`,
      dark.length > 0
        ? `nothing serves in place of ${named(dark)}`
        : 'another version of each of these models is served',
    ],
    next: `sluice versions ${shellWord(first.model)}`,
    asks: 'admin',
    advice: 'tells why. Repair or remove its files: the server tries again when they change.',
  };
}
