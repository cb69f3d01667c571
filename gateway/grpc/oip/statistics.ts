import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ModelCatalog } from '../../core/catalog.js';
import type { Manifest } from '../../core/manifest.js';
import type { DurationSum, StatisticsSource } from '../../core/statistics.js';
import type { RpcMethod } from '../../core/transport.js';
import {
  GRPCInferenceService,
  type MemoryUsageSchema,
  type ModelStatisticsSchema,
} from '../../gen/inference/grpc_service_pb.js';
import { unaryMethod } from '../messages.js';

/** Bytes that a version takes on all its workers; undefined where that is not known. */
export type HeldBytes = (manifest: Manifest) => number | undefined;

type Catalog = Pick<ModelCatalog, 'list' | 'available' | 'describe'>;

const NONE: DurationSum = { count: 0, ms: 0 };

/** ModelStatistics: one entry for each version asked for that can be called. */
export function modelStatistics(
  catalog: Catalog,
  source: StatisticsSource,
  heldBytes: HeldBytes = () => undefined,
): RpcMethod {
  return unaryMethod(GRPCInferenceService.method.modelStatistics, ({ name, version }) => ({
    modelStats: chosen(catalog, name, version).map(([model, number]) => {
      const bytes = heldBytes(catalog.describe(model, String(number)));
      const memoryUsage = bytes === undefined ? [] : [{ type: 'CPU', id: 0n, byteSize: whole(bytes) }];
      return entry(source, model, number, memoryUsage);
    }),
  }));
}

/** `''` for all models, whatever the version then says, as in Triton; for one model `''` is all of its versions. */
function chosen(catalog: Catalog, name: string, version: string): [string, number][] {
  if (name === '') {
    return catalog
      .list()
      .filter(({ state }) => state === 'available')
      .map((status) => [status.model, status.version]);
  }
  // Throws for a model or a version that cannot be called, in the words that ModelInfer has for it.
  const described = catalog.describe(name, version);
  const versions = version === '' ? catalog.available(name) : [described.version];
  return versions.map((number) => [name, number]);
}

/** compute_input is the copy of the rows of a batch together, compute_output the handing out of its outputs. There is no response cache. */
function entry(
  source: StatisticsSource,
  name: string,
  version: number,
  memoryUsage: MessageInitShape<typeof MemoryUsageSchema>[],
): MessageInitShape<typeof ModelStatisticsSchema> {
  const figures = source.read(name, version);
  const { input, compute, output, success, fail, queue, batches } = figures;
  return {
    name,
    version: String(version),
    lastInference: whole(figures.lastInferenceMs),
    inferenceCount: whole(figures.inferences),
    executionCount: whole(figures.executions),
    inferenceStats: {
      success: duration(success),
      fail: duration(fail),
      queue: duration(queue),
      computeInput: duration(input),
      computeInfer: duration(compute),
      computeOutput: duration(output),
      cacheHit: duration(NONE),
      cacheMiss: duration(NONE),
    },
    memoryUsage,
    batchStats: batches.map((batch) => ({
      batchSize: whole(batch.rows),
      computeInput: duration(batch.input),
      computeInfer: duration(batch.compute),
      computeOutput: duration(batch.output),
    })),
  };
}

function duration({ count, ms }: DurationSum) {
  return { count: whole(count), ns: whole(ms * 1e6) };
}

function whole(value: number): bigint {
  return BigInt(Math.round(value));
}
