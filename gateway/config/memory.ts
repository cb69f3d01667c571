import type { Machine } from './machine.js';

/** Least memory in which any model can be prepared: the process itself takes 80 MiB. */
const LEAST_PREPARE_BYTES = 512 * 1024 * 1024;

/** Most memory of the process that prepares a version: half of the machine's, unless the setting says otherwise. */
export function prepareBytes(setting: 'auto' | number, machine: Pick<Machine, 'memoryBytes'>): number {
  if (setting !== 'auto') return setting;
  return Math.max(LEAST_PREPARE_BYTES, Math.floor(machine.memoryBytes / 2));
}

/** What server and models may take together, and who says so. */
export function memoryLimit(
  setting: 'auto' | number,
  { memoryBytes, memorySource }: Pick<Machine, 'memoryBytes' | 'memorySource'>,
): { readonly bytes: number; readonly source: string } {
  // A setting beyond what there is would only leave the choice to the kernel, yet it may be meant: the limit may be a soft one.
  return setting === 'auto'
    ? { bytes: memoryBytes, source: memorySource }
    : { bytes: setting, source: 'memoryLimitBytes' };
}
