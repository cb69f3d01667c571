/** First wait before a failed load is tried again, and the longest. */
const BASE_MS = 1000;
const MAX_MS = 300_000;

/**
 * Milliseconds until the next try of a load that has failed this many times in a row with the same files. A broken file fails
 * every time, and a try costs a core for a moment: so it doubles, up to five minutes. Changed files are tried at once.
 */
export function retryDelayMs(failures: number): number {
  return Math.min(MAX_MS, BASE_MS * 2 ** Math.min(failures - 1, 30));
}
