import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import type { CallTemplate, ExpectedAnswer, LoadPlan, LoadResult } from '../../bench/contract.js';
import { LatencyCounts } from '../../bench/latency-counts.js';
import { ModelInferRequestSchema } from '../../gateway/gen/inference/grpc_service_pb.js';

/** A short closed loop on a server of the test, changed as the test needs it. */
export function planFor(port: number, changes: Partial<LoadPlan> = {}): LoadPlan {
  return {
    target: { host: '127.0.0.1', port },
    templates: [template()],
    arrivals: { kind: 'closed', concurrency: 4 },
    warmupMs: 0,
    durationMs: 300,
    connections: 1,
    streamsPerConnection: 100,
    metadata: [],
    processes: 1,
    seed: 1,
    drainMs: 1000,
    ...changes,
  };
}

export function template(changes: Partial<CallTemplate> = {}): CallTemplate {
  return {
    name: 'echo',
    path: '/test.Echo/Call',
    bodies: [Buffer.from('hello')],
    weight: 1,
    rows: 1,
    ...changes,
  };
}

/** ModelInfer of iris, a flower or several a request; `expect` has the labels that scikit-learn gives. */
export function irisTemplate(
  flowers: readonly { readonly row: readonly number[]; readonly label: number | readonly number[] }[],
): CallTemplate {
  const bodies = flowers.map(({ row }) =>
    toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName: 'iris',
        inputs: [{ name: 'X', datatype: 'FP32', shape: [BigInt(row.length / 4), 4n] }],
        rawInputContents: [new Uint8Array(Float32Array.from(row).buffer)],
      }),
    ),
  );
  const expect = flowers.map(
    ({ label }): ExpectedAnswer => ({
      outputs: [{ name: 'label', datatype: 'INT64', raw: int64s([label].flat()) }],
      absolute: 0,
      relative: 0,
    }),
  );
  return {
    name: `iris x${(flowers[0]?.row.length ?? 4) / 4}`,
    path: '/inference.GRPCInferenceService/ModelInfer',
    bodies,
    weight: 1,
    rows: (flowers[0]?.row.length ?? 4) / 4,
    expect,
  };
}

const int64s = (values: readonly number[]): Uint8Array =>
  new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);

/** The identity that every result must keep, and that its parts agree. */
export function assertConsistent(result: LoadResult): void {
  const { offered, ok, late, refused, failed, wrong, unanswered, byStatus } = result.counts;
  assert.equal(offered, ok + late + refused + failed + wrong + unanswered, JSON.stringify(result.counts));
  const answered = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  assert.equal(answered, offered - unanswered);
  assert.equal(LatencyCounts.from(result.latency).count, (byStatus['OK'] ?? 0) - wrong);
  assert.equal(
    result.timeline.reduce((sum, slice) => sum + slice.offered, 0),
    offered,
  );
}
