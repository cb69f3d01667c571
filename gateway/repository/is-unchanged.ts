import { stat } from 'node:fs/promises';
import type { FoundVersion } from './found.js';

/** Whether a version's model file is still the one that was found, by its size and date. Never rejects. */
export async function isUnchanged({ modelPath, bytes, modifiedMs }: FoundVersion): Promise<boolean> {
  const facts = await stat(modelPath).catch(() => undefined);
  return facts !== undefined && facts.size === bytes && facts.mtimeMs === modifiedMs;
}
