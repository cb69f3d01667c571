import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import { LatencyModel } from './latency-model.js';

/** What the batcher knows of one model version. */
export class Lane {
  readonly key: string;
  readonly manifest: Manifest;
  /** Whether each request runs by itself: the signature is not batchable, or no batch size is allowed. */
  readonly alone: boolean;
  /** Room of a batch: rows, or the one request where they run alone. */
  readonly maxCost: number;
  /** Names of all outputs, in the signature's order. */
  readonly outputNames: readonly string[];
  readonly latency: LatencyModel;
  /** Sum of the costs of its waiting entries. */
  queuedCost = 0;

  constructor(manifest: Manifest) {
    const { batchable, maxBatchSize, outputs } = manifest.signature;
    this.key = versionKey(manifest);
    this.manifest = manifest;
    this.alone = !batchable || maxBatchSize < 1;
    this.maxCost = this.alone ? 1 : maxBatchSize;
    this.outputNames = outputs.map((output) => output.name);
    this.latency = new LatencyModel(manifest.latency);
  }

  /** Whether this manifest says the same as the lane's; a version that was reloaded with other settings gets a new lane. */
  serves(manifest: Manifest): boolean {
    if (manifest === this.manifest) return true;
    const mine = this.manifest.signature;
    const theirs = manifest.signature;
    return (
      manifest.sha256 === this.manifest.sha256 &&
      mine.batchable === theirs.batchable &&
      mine.maxBatchSize === theirs.maxBatchSize
    );
  }
}
