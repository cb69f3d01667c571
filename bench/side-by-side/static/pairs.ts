import { copyFileSync, existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A setting that an operator would have to find: largest batch, and how long to wait for one. */
export interface StaticPair {
  readonly maxBatch: number;
  readonly delayMs: number;
}

const SIZES = [1, 4, 16, 64, 128];
const DELAYS_MS = [0, 1, 5];

/** The sweep: each delay with each size. `narrow`: its corners. */
export function staticPairs(narrow: boolean): StaticPair[] {
  const ends = (all: readonly number[]): number[] => [all[0] as number, all.at(-1) as number];
  const sizes = narrow ? ends(SIZES) : SIZES;
  const delays = narrow ? ends(DELAYS_MS) : DELAYS_MS;
  return delays.flatMap((delayMs) => sizes.map((maxBatch) => ({ maxBatch, delayMs })));
}

/** For people: `batch 16, delay 1 ms`. */
export function pairText({ maxBatch, delayMs }: StaticPair): string {
  return `batch ${maxBatch}, delay ${delayMs} ms`;
}

/** Its model's name beside other pairs' of the same model. */
export function pairName(model: string, { maxBatch, delayMs }: StaticPair): string {
  return `${model}-b${maxBatch}-d${delayMs}`;
}

/** Its config.pbtxt. */
export function pairConfig({ maxBatch, delayMs }: StaticPair): string {
  const delay = delayMs === 0 ? '' : `max_queue_delay_microseconds: ${delayMs * 1000} `;
  return `max_batch_size: ${maxBatch}\ndynamic_batching { ${delay}}\n`;
}

/** Makes a repository that holds the model once for each pair. The file is not copied where that can be avoided. */
export function makePairs(
  repository: string,
  { name, path }: { readonly name: string; readonly path: string },
  pairs: readonly StaticPair[],
): void {
  for (const pair of pairs) {
    const target = join(repository, pairName(name, pair), '1', 'model.onnx');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(join(target, '../../config.pbtxt'), pairConfig(pair));
    if (existsSync(target)) continue;
    try {
      linkSync(path, target);
    } catch {
      // Another file system.
      copyFileSync(path, target);
    }
  }
}
