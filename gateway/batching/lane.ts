import { isDeepStrictEqual } from 'node:util';
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
  /** Most batches of it that run at the same time: what its configuration says, else no limit. */
  readonly maxRunning: number;
  /** Sum of the costs of its waiting entries. */
  queuedCost = 0;
  /** Batches taken and not over. */
  running = 0;

  constructor(manifest: Manifest) {
    const { batchable, maxBatchSize, outputs } = manifest.signature;
    this.maxRunning = manifest.configuration?.instanceCount ?? Number.POSITIVE_INFINITY;
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
    return (
      manifest.sha256 === this.manifest.sha256 &&
      isDeepStrictEqual(manifest.signature, this.manifest.signature) &&
      manifest.configuration?.instanceCount === this.manifest.configuration?.instanceCount
    );
  }
}
