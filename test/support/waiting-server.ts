import type { TestContext } from 'node:test';
import type { CallTemplate } from '../../bench/contract.js';
import { encodeInfer, inferRequest, OIP_INFER } from '../../bench/targets/oip.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import { Cancellation } from '../../gateway/core/cancellation.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { InferResult } from '../../gateway/core/infer-call.js';
import type { Gateway, GatewayDependencies } from '../../gateway/gateway.js';
import { template } from './load-plans.js';
import { makeRepository, type RunningGateway, useGateway } from './use-gateway.js';

/** What a model of a test takes: a run of b rows waits `fixed + perRow * b` milliseconds and needs no CPU. */
export interface WaitingModel {
  readonly costMs: { readonly fixed?: number; readonly perRow?: number };
  readonly maxBatchSize?: number;
}

/** A real server with models that wait, by name. Two workers unless the settings say otherwise. */
export function useWaiting(
  t: TestContext,
  models: Readonly<Record<string, WaitingModel>>,
  settings: Settings = {},
  dependencies: GatewayDependencies = {},
): Promise<RunningGateway> {
  const files = Object.entries(models).map(([name, model]): [string, Uint8Array] => [
    `${name}/1/model.wait.json`,
    Buffer.from(JSON.stringify(model)),
  ]);
  const modelRepository = [makeRepository(t, Object.fromEntries(files))];
  const workers = { count: 2, ...settings.workers, enableWaitingRuntime: true };
  return useGateway(t, { ...settings, modelRepository, workers }, dependencies);
}

export interface DirectCall {
  /** @default 10_000 */
  readonly deadlineMs?: number;
  readonly cancellation?: Cancellation;
  /** First element of the row. @default 1 */
  readonly first?: number;
  /** @default 2 */
  readonly second?: number;
}

/** One row for a waiting model, past the network: the layers of the server and nothing else. */
export function inferDirectly(
  gateway: Gateway,
  model: string,
  { deadlineMs = 10_000, cancellation = new Cancellation(), first = 1, second = 2 }: DirectCall = {},
): Promise<InferResult> {
  const now = systemClock.now();
  const data = new Uint8Array(Float32Array.of(first, second, 3, 4).buffer);
  return gateway.infer({
    model,
    version: '',
    id: '',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }],
    outputs: [],
    parameters: new Map(),
    deadline: now + deadlineMs,
    cancellation,
    arrivedAt: now,
  });
}

/** The same row, as the load harness sends it. */
export function waitingTemplate(model: string, changes: Partial<CallTemplate> = {}): CallTemplate {
  return template({ name: model, path: OIP_INFER, bodies: [waitingRow(model)], ...changes });
}

/** The same row as a message. */
export function waitingRow(model: string): Uint8Array {
  const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  return encodeInfer(inferRequest(model, '', [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }]));
}
