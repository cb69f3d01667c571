import { quoted } from './describe.js';
import { encodeTensor } from './encode-tensor.js';
import { SluiceClientError } from './error.js';
import type { JsonTensor } from './json-safe.js';
import { type ModelMetadata, readModelMetadata } from './metadata.js';
import type { MetadataCache } from './metadata-cache.js';
import { type Prediction, readPrediction } from './prediction.js';
import { aborted, type CallOptions, type Rpc, type RpcOptions } from './rpc.js';
import { isShaped, type TensorInput } from './tensor-input.js';
import type { WireInferRequest, WireParameter } from './wire.js';

/** What `predict` takes: a value for each of the model's inputs, by name. */
export type PredictInputs = Readonly<Record<string, TensorInput>>;

/** What one prediction can be told, besides its inputs. */
export interface PredictOptions extends CallOptions {
  /** Echoed in the answer and found in the server's logs. @default '' */
  readonly requestId?: string | undefined;
  /** Names of the outputs wanted. @default all */
  readonly outputs?: readonly string[] | undefined;
  /** Request parameters of the protocol, e.g. `{priority: 1}`. @default {} */
  readonly parameters?: Readonly<Record<string, boolean | number | bigint | string>> | undefined;
}

/** What a Model is made of: `SluiceClient.model` does it. */
export interface ModelOptions {
  readonly rpc: Rpc;
  readonly cache: MetadataCache;
  readonly name: string;
  /** `''` lets the server choose with every call. */
  readonly version: string;
}

/**
 * One model on the server, made by `client.model(name)`. `Outputs` may name the outputs and the type of their `data`:
 * `client.model<{label: number[]; probabilities: number[][]}>('iris')`.
 */
export class Model<Outputs extends object = Record<string, JsonTensor>> {
  readonly name: string;
  readonly version: string;
  readonly #rpc: Rpc;
  readonly #cache: MetadataCache;

  constructor(options: ModelOptions) {
    this.name = options.name;
    this.version = options.version;
    this.#rpc = options.rpc;
    this.#cache = options.cache;
  }

  /**
   * Sends one inference request. Datatypes come from the model's metadata, which is asked for once. Typed arrays may be
   * sent without a copy: leave them unchanged until the promise settles. Rejects with SluiceClientError.
   */
  async predict(inputs: PredictInputs, options: PredictOptions = {}): Promise<Prediction<Outputs>> {
    const rpcOptions = this.#rpc.begin(options);
    const explicit = explicitDatatypes(inputs);
    if (explicit !== undefined) return this.#infer(inputs, explicit, options, rpcOptions);
    const metadata = await this.#signature(rpcOptions);
    try {
      return await this.#infer(inputs, datatypesFrom(metadata, inputs), options, rpcOptions);
    } catch (error) {
      // The model may have changed since its metadata was fetched: then, and only then, is a second try worth it.
      if (!(error instanceof SluiceClientError) || error.code !== 'INVALID_ARGUMENT') throw error;
      if (!this.#cache.forget(this.name, this.version)) throw error;
      const renewed = await this.#signature(rpcOptions);
      if (JSON.stringify(renewed.inputs) === JSON.stringify(metadata.inputs)) throw error;
      return this.#infer(inputs, datatypesFrom(renewed, inputs), options, rpcOptions);
    }
  }

  /**
   * The model's signature, asked of the server now, and remembered for predictions. Awaited when a service starts, it
   * spares the first prediction the opening of the connection, which takes longer than a tight deadline allows.
   */
  async metadata(options: CallOptions = {}): Promise<ModelMetadata> {
    const metadata = await fetchMetadata(this.#rpc, this, options);
    this.#cache.learn(this.name, this.version, metadata);
    return metadata;
  }

  /** Whether the model can be called now; false also for a model that does not exist. */
  async ready(options: CallOptions = {}): Promise<boolean> {
    const request = { name: this.name, version: this.version };
    const rpcOptions = this.#rpc.begin(options);
    return (await this.#rpc.call('inference.GRPCInferenceService/ModelReady', request, rpcOptions)).ready;
  }

  async #infer(
    inputs: PredictInputs,
    datatypes: ReadonlyMap<string, string>,
    options: PredictOptions,
    rpcOptions: RpcOptions,
  ): Promise<Prediction<Outputs>> {
    const encoded = Object.entries(inputs).map(([name, value]) => ({
      name,
      ...encodeTensor(name, datatypes.get(name) as string, value),
    }));
    const request: WireInferRequest = {
      model_name: this.name,
      model_version: this.version,
      id: options.requestId ?? '',
      parameters: parametersOf(options.parameters ?? {}),
      inputs: encoded.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      outputs: (options.outputs ?? []).map((name) => ({ name })),
      raw_input_contents: encoded.map(({ data }) => data),
    };
    const response = await this.#rpc.call('inference.GRPCInferenceService/ModelInfer', request, rpcOptions);
    this.#cache.answered(this.name, this.version, response.model_version);
    return readPrediction<Outputs>(response);
  }

  /** The cached signature. The fetch is shared with other callers, so this call's deadline and signal only end the wait. */
  #signature({ deadline, signal }: RpcOptions): Promise<ModelMetadata> {
    const fetched = this.#cache.get(this.name, this.version);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      const waitMs = deadline - Date.now();
      const timer = Number.isFinite(waitMs)
        ? setTimeout(expire, Math.min(waitMs, MAX_TIMER_MS), this.name)
        : undefined;
      function expire(name: string): void {
        settle();
        const message = `The deadline passed while waiting for the metadata of model ${quoted(name)}`;
        reject(new SluiceClientError('DEADLINE_EXCEEDED', message));
      }
      const cancel = (): void => {
        settle();
        reject(aborted(signal as AbortSignal));
      };
      function settle(): void {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      }
      signal?.addEventListener('abort', cancel, { once: true });
      fetched.finally(settle).then(resolve, reject);
    });
  }
}

/** Asks the server for a signature; `version` `''`: of the version that it chooses. */
export async function fetchMetadata(
  rpc: Rpc,
  { name, version }: { readonly name: string; readonly version: string },
  options: CallOptions,
): Promise<ModelMetadata> {
  const request = { name, version };
  return readModelMetadata(
    await rpc.call('inference.GRPCInferenceService/ModelMetadata', request, rpc.begin(options)),
  );
}

/** setTimeout fires at once beyond this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Datatypes by input, when every input brings its own; undefined when the server must be asked. */
function explicitDatatypes(inputs: PredictInputs): Map<string, string> | undefined {
  const datatypes = new Map<string, string>();
  for (const [name, value] of Object.entries(inputs)) {
    if (!isShaped(value) || value.datatype === undefined) return undefined;
    datatypes.set(name, value.datatype);
  }
  return datatypes.size > 0 ? datatypes : undefined;
}

/** Datatypes by input, from the signature. What inputs are missing is for the server to say: some may be optional. */
function datatypesFrom(metadata: ModelMetadata, inputs: PredictInputs): Map<string, string> {
  const datatypes = new Map<string, string>();
  for (const [name, value] of Object.entries(inputs)) {
    const spec = metadata.inputs.find((input) => input.name === name);
    const own = isShaped(value) ? value.datatype : undefined;
    if (spec === undefined && own === undefined) {
      const wanted = metadata.inputs.map((input) => quoted(input.name)).join(', ') || 'no inputs';
      const message = `Model ${quoted(metadata.name)} has no input ${quoted(name)}; it has ${wanted}`;
      throw new SluiceClientError('INVALID_ARGUMENT', message);
    }
    datatypes.set(name, own ?? (spec?.datatype as string));
  }
  return datatypes;
}

/** Integers travel as int64 (beyond it uint64), other numbers as double. */
function parametersOf(given: NonNullable<PredictOptions['parameters']>): Record<string, WireParameter> {
  const wire = ([name, value]: [string, boolean | number | bigint | string]): [string, WireParameter] => {
    if (typeof value === 'boolean') return [name, { bool_param: value }];
    if (typeof value === 'string') return [name, { string_param: value }];
    if (typeof value === 'bigint') {
      return [
        name,
        value < 2n ** 63n ? { int64_param: value.toString() } : { uint64_param: value.toString() },
      ];
    }
    return [name, Number.isSafeInteger(value) ? { int64_param: value } : { double_param: value }];
  };
  return Object.fromEntries(Object.entries(given).map(wire));
}
