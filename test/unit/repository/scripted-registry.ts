/** A registry between a scripted preparation and a scripted host. */
import assert from 'node:assert/strict';
import type { ModelHost } from '../../../gateway/core/channel.js';
import { GatewayError } from '../../../gateway/core/error.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import type { Manifest, ModelMemory, PrepareRequest } from '../../../gateway/core/manifest.js';
import { versionKey } from '../../../gateway/core/model.js';
import type { ModelSettings } from '../../../gateway/repository/effective-configuration.js';
import type { Found, FoundModel, Problem } from '../../../gateway/repository/found.js';
import { Registry, type RegistryDependencies } from '../../../gateway/repository/registry.js';
import { FakeClock } from '../../support/fake-clock.js';

/** A step that the test lets succeed or fail. */
export interface Step {
  readonly key: string;
  succeed(): void;
  fail(message: string): void;
}

/** What a source would have found: models and their versions, at `/repo`. */
export function found(
  models: Readonly<Record<string, readonly number[]>>,
  problems: readonly Problem[] = [],
): Found {
  const all: FoundModel[] = Object.entries(models).map(([name, versions]) => ({
    name,
    repository: '/repo',
    versions: versions.map((version) => ({
      version,
      modelPath: `/repo/${name}/${version}/model.onnx`,
      bytes: 10,
      modifiedMs: 1,
    })),
  }));
  return { models: all, problems, unusable: [] };
}

function manifestFor({ model, version, modelPath }: PrepareRequest, memory?: ModelMemory): Manifest {
  return {
    model,
    version,
    signature: { inputs: [], outputs: [], batchable: false, maxBatchSize: 0 },
    preparedPath: modelPath,
    batchCheck: 'unbatchable',
    latency: [],
    sha256: '',
    bytes: 10,
    ...(memory !== undefined && { memory }),
    warnings: [],
  };
}

/** Lets promise callbacks run; there is no I/O to wait for. */
export async function tick(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A registry whose preparations, loads and unloads wait for the test, unless `auto`. */
export function scripted(
  settings: Readonly<Record<string, ModelSettings>> = {},
  auto = false,
  options: Partial<RegistryDependencies> = {},
  memory?: ModelMemory,
) {
  const clock = new FakeClock();
  const requests: PrepareRequest[] = [];
  const trace: string[] = [];
  const pending = { prepare: [] as Step[], load: [] as Step[], unload: [] as Step[] };
  const step = <T>(kind: keyof typeof pending, key: string, value: T): Promise<T> => {
    trace.push(`${kind} ${key}`);
    if (auto) return Promise.resolve(value);
    return new Promise((resolve, reject) => {
      pending[kind].push({
        key,
        succeed: () => resolve(value),
        fail: (message) => reject(new GatewayError('FAILED_PRECONDITION', message)),
      });
    });
  };
  const host: ModelHost = {
    load: (manifest) => step('load', versionKey(manifest), undefined),
    unload: (key) => step('unload', key, undefined),
  };
  const registry = new Registry({
    prepare: (request) => {
      requests.push(request);
      return step('prepare', versionKey(request), manifestFor(request, memory));
    },
    host,
    clock,
    logger: silentLogger,
    cacheDir: () => '/cache',
    models: new Map(Object.entries(settings)),
    ...options,
  });
  const next = async (kind: keyof typeof pending, key: string): Promise<Step> => {
    await tick();
    const first = pending[kind].shift();
    assert.equal(first?.key, key, `the next ${kind}`);
    return first as Step;
  };
  const bringUp = async (key: string) => {
    (await next('prepare', key)).succeed();
    (await next('load', key)).succeed();
    await tick();
  };
  const states = () => registry.list().map(({ model, version, state }) => `${model}/${version} ${state}`);
  return { registry, clock, requests, trace, pending, next, bringUp, states };
}
