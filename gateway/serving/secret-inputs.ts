import type { InferCall } from '../core/infer-call.js';

/**
 * Tells calls that have one of these inputs; `*` stands for every input.
 * @returns undefined where there are none to be kept secret, so that nobody asks
 */
export function secretInputs(names: readonly string[]): ((call: InferCall) => boolean) | undefined {
  if (names.length === 0) return undefined;
  if (names.includes('*')) return () => true;
  const secret = new Set(names);
  return ({ inputs }) => inputs.some(({ name }) => secret.has(name));
}
