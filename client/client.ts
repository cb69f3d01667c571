/**
 * A typed client of the Open Inference Protocol.
 *
 * ```ts
 * const client = createClient({ address: 'localhost:8001' });
 * const iris = client.model('iris');
 * const { outputs } = await iris.predict({ X: [[5.1, 3.5, 1.4, 0.2]] }, { deadlineMs: 500 });
 * console.log(outputs.label?.data);
 * client.close();
 * ```
 */

import type { JsonTensor } from './json-safe.js';
import {
  type ModelIndexEntry,
  type ModelMetadata,
  readIndexEntry,
  readModelMemory,
  type ServerMetadata,
} from './metadata.js';
import { MetadataCache } from './metadata-cache.js';
import { fetchMetadata, Model } from './model.js';
import type { ClientOptions } from './options.js';
import { type CallOptions, Rpc } from './rpc.js';

export type { Scalar, TypedArray } from './datatype.js';
export { type FieldViolation, SluiceClientError, type StatusName } from './error.js';
export type { JsonScalar, JsonTensor } from './json-safe.js';
export type { ModelIndexEntry, ModelMetadata, ServerMetadata, TensorMetadata } from './metadata.js';
export type { Model, PredictInputs, PredictOptions } from './model.js';
export { type ClientOptions, DEFAULT_ADDRESS, DEFAULT_DEADLINE_MS, type TlsOptions } from './options.js';
export type { OutputTensor } from './output-tensor.js';
export type { Prediction } from './prediction.js';
export type { CallOptions } from './rpc.js';
export type { NestedInput, ShapedInput, TensorInput } from './tensor-input.js';

/** Answer of a health check, by its grpc.health.v1 name. */
export type HealthStatus = 'SERVING' | 'NOT_SERVING' | 'UNKNOWN' | 'SERVICE_UNKNOWN';

const OIP = 'inference.GRPCInferenceService';

/** One channel to a server or to all replicas behind a name. Every method rejects with SluiceClientError. */
export class SluiceClient {
  readonly #rpc: Rpc;
  readonly #cache: MetadataCache;

  constructor(options: ClientOptions = {}) {
    this.#rpc = new Rpc(options);
    this.#cache = new MetadataCache({
      fetch: (name, version) => fetchMetadata(this.#rpc, { name, version }, {}),
      now: () => performance.now(),
    });
  }

  /** A model to call; makes no request. Without a version, the server chooses with every call. */
  model<Outputs extends object = Record<string, JsonTensor>>(
    name: string,
    options: VersionOption = {},
  ): Model<Outputs> {
    const version = String(options.version ?? '');
    return new Model<Outputs>({ rpc: this.#rpc, cache: this.#cache, name, version });
  }

  /** Whether the server works at all. */
  async serverLive(options: CallOptions = {}): Promise<boolean> {
    return (await this.#rpc.call(`${OIP}/ServerLive`, {}, this.#rpc.begin(options))).live;
  }

  /** Whether the server wants requests. */
  async serverReady(options: CallOptions = {}): Promise<boolean> {
    return (await this.#rpc.call(`${OIP}/ServerReady`, {}, this.#rpc.begin(options))).ready;
  }

  async serverMetadata(options: CallOptions = {}): Promise<ServerMetadata> {
    const answer = await this.#rpc.call(`${OIP}/ServerMetadata`, {}, this.#rpc.begin(options));
    return { name: answer.name, version: answer.version, extensions: answer.extensions };
  }

  /** Whether a model can be called now; false also for a model that does not exist. */
  modelReady(name: string, options: CallOptions & VersionOption = {}): Promise<boolean> {
    return this.model(name, options).ready(options);
  }

  /** A model's signature, asked of the server now. */
  modelMetadata(name: string, options: CallOptions & VersionOption = {}): Promise<ModelMetadata> {
    return this.model(name, options).metadata(options);
  }

  /** The parameters of a model's configuration; `feature_names` are those of a row's elements, as JSON. UNIMPLEMENTED where a server has no such call. */
  async modelParameters(
    name: string,
    options: CallOptions & VersionOption = {},
  ): Promise<Readonly<Record<string, string>>> {
    const request = { name, version: String(options.version ?? '') };
    const { config } = await this.#rpc.call(`${OIP}/ModelConfig`, request, this.#rpc.begin(options));
    return Object.fromEntries(
      Object.entries(config?.parameters ?? {}).map(([key, { string_value }]) => [key, string_value]),
    );
  }

  /** Every model version that the server found, loaded or not. */
  async models(options: CallOptions = {}): Promise<readonly ModelIndexEntry[]> {
    const answer = await this.#rpc.call(`${OIP}/RepositoryIndex`, { ready: false }, this.#rpc.begin(options));
    return answer.models.map(readIndexEntry);
  }

  /** Bytes of memory that each version takes on the server, by `model/version`; of versions that it does not tell of, none. */
  async modelMemory(options: CallOptions = {}): Promise<ReadonlyMap<string, number>> {
    const request = { name: '', version: '' };
    const answer = await this.#rpc.call(`${OIP}/ModelStatistics`, request, this.#rpc.begin(options));
    return readModelMemory(answer);
  }

  /** Status of the server (`''`), of one of its services, or of a model (`sluice.model/<name>`). Unknown: NOT_FOUND. */
  async health(service = '', options: CallOptions = {}): Promise<HealthStatus> {
    const answer = await this.#rpc.call('grpc.health.v1.Health/Check', { service }, this.#rpc.begin(options));
    return answer.status as HealthStatus;
  }

  /** Ends the connections. Calls in flight end first; new ones are refused with CANCELLED. */
  close(): void {
    this.#rpc.close();
  }
}

interface VersionOption {
  /** @default the version that the server chooses */
  readonly version?: string | number | undefined;
}

/** Makes a client; the connection opens with the first call. */
export function createClient(options: ClientOptions = {}): SluiceClient {
  return new SluiceClient(options);
}
