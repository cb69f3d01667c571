/**
 * Which version answers a request that names none: the largest that is available. Undefined when none is.
 * Labels and rollouts come in here later; every protocol asks this one function.
 */
export function chooseVersion(available: readonly number[]): number | undefined {
  let best: number | undefined;
  for (const version of available) if (best === undefined || version > best) best = version;
  return best;
}
