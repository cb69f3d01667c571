import type { Batch, WorkSource } from '../../gateway/core/batch.js';
import type { RunCommand, RunOutcome } from '../../gateway/core/channel.js';
import type { GatewayError } from '../../gateway/core/error.js';
import type { Manifest } from '../../gateway/core/manifest.js';
import type { TensorSpec } from '../../gateway/core/model.js';

/** A batch that notes what becomes of it. */
export class FakeBatch implements Batch {
  readonly key: string;
  readonly latestDeadline: number;
  attempts = 0;
  requests = 1;
  gathers = 0;
  splits = 0;
  /** Set when every caller has left. */
  abandoned = false;
  /** One for each settlement: a correct dispatcher makes exactly one. */
  readonly ends: (Extract<RunOutcome, { kind: 'success' | 'rejected' }> | GatewayError)[] = [];

  constructor(key = 'm/1', latestDeadline = Number.POSITIVE_INFINITY) {
    this.key = key;
    this.latestDeadline = latestDeadline;
  }

  gather(): RunCommand | undefined {
    this.gathers++;
    return this.abandoned ? undefined : { key: this.key, inputs: [], outputs: ['Y'] };
  }

  complete(outcome: Extract<RunOutcome, { kind: 'success' | 'rejected' }>): void {
    this.ends.push(outcome);
  }

  split(): void {
    this.splits++;
  }

  fail(error: GatewayError): void {
    this.ends.push(error);
  }
}

/** A queue of batches in place of the batcher. */
export class FakeSource implements WorkSource {
  readonly queue: Batch[] = [];
  onWork: () => void = () => {};

  take(runs: (key: string) => boolean): Batch | undefined {
    const index = this.queue.findIndex((batch) => runs(batch.key));
    return index < 0 ? undefined : this.queue.splice(index, 1)[0];
  }

  add<B extends Batch>(batch: B): B {
    this.queue.push(batch);
    this.onWork();
    return batch;
  }
}

const SPEC: TensorSpec = { name: 'X', datatype: 'FP32', shape: [-1, 4] };

/** A manifest of a model `X [-1,4] -> Y [-1,4]`, for tests that load nothing real. */
export function fakeManifest(model = 'm', version = 1): Manifest {
  return {
    model,
    version,
    signature: {
      inputs: [SPEC],
      outputs: [{ ...SPEC, name: 'Y' }],
      batchable: true,
      maxBatchSize: 256,
    },
    preparedPath: '/nowhere/model.onnx',
    batchCheck: 'verified',
    latency: [],
    sha256: '',
    bytes: 0,
    warnings: [],
  };
}
