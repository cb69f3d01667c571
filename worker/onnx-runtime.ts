import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { monotonicMs } from '../gateway/core/clock.js';
import { GatewayError, quote } from '../gateway/core/error.js';
import { elementCount } from '../gateway/core/tensor.js';
import { decodeStrings, encodeStrings } from './bytes-tensor.js';
import type { RuntimeWishes, WireTensor } from './protocol.js';
import { isInputFault } from './run-fault.js';

/** The only place that knows onnxruntime-node. ORT_DISABLE_TELEMETRY=1 must be in the environment before it is loaded. */

type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

interface NumericArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): NumericArray;
}

/** The runtime's name and array of each numeric datatype. FP16 is its bits: see `toRuntime`. */
const NUMERIC: Readonly<Record<string, readonly [OrtTensor.Type, NumericArrayType]>> = {
  FP32: ['float32', Float32Array],
  FP64: ['float64', Float64Array],
  INT8: ['int8', Int8Array],
  UINT8: ['uint8', Uint8Array],
  INT16: ['int16', Int16Array],
  UINT16: ['uint16', Uint16Array],
  INT32: ['int32', Int32Array],
  UINT32: ['uint32', Uint32Array],
  INT64: ['int64', BigInt64Array],
  UINT64: ['uint64', BigUint64Array],
  FP16: ['float16', Uint16Array],
  BOOL: ['bool', Uint8Array],
};

const DATATYPE_OF: ReadonlyMap<string, string> = new Map([
  ...Object.entries(NUMERIC).map(([datatype, [type]]) => [type, datatype] as const),
  ['string', 'BYTES'],
]);

/** The largest dimension that the runtime's binding takes. */
const MAX_DIM = 2 ** 32 - 1;

/** Longest message of the runtime that is passed on, in characters. */
const MAX_RUNTIME_MESSAGE = 500;

export interface SessionOptions extends RuntimeWishes {
  readonly intraOpThreads: number;
}

/** What the runtime says of an input or output. */
export interface SessionValue {
  readonly name: string;
  /** Undefined for what is not a tensor. */
  readonly datatype: string | undefined;
  /** -1 is variable. Also empty where the rank is unknown: the runtime does not tell the two apart. */
  readonly shape: readonly number[];
}

/** Result of a run; the instants are around the runtime's call, on the machine-wide monotonic clock. */
export interface SessionResult {
  readonly outputs: WireTensor[];
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A loaded model. Runs block the thread: one at a time. */
export class OnnxSession {
  readonly #session: InferenceSession;
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];

  private constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map(sessionValue);
    this.outputs = session.outputMetadata.map(sessionValue);
  }

  /** Loads a model, a file's path or its bytes, blocking the thread. Throws FAILED_PRECONDITION with the runtime's reason. */
  static async create(model: string | Uint8Array, options: SessionOptions): Promise<OnnxSession> {
    try {
      return new OnnxSession(await InferenceSession.create(model as string, runtimeOptions(options)));
    } catch (error) {
      const message = runtimeMessage(error, typeof model === 'string' ? model : undefined);
      throw new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error', cause: error });
    }
  }

  /**
   * Runs the model. The inputs' buffers must not be touched until it is done; the outputs own theirs. Throws
   * INVALID_ARGUMENT for an input that is no tensor of its datatype and shape or that holds an index outside of a table,
   * INTERNAL when the model fails.
   */
  async run(inputs: readonly WireTensor[], outputs: readonly string[]): Promise<SessionResult> {
    // Without a prototype: an input may be called `__proto__`.
    const feeds: Record<string, OrtTensor> = Object.create(null) as Record<string, OrtTensor>;
    for (const input of inputs) feeds[input.name] = toRuntime(input);
    const startedAt = monotonicMs();
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds, outputs as string[]);
    } catch (error) {
      const message = `the model failed: ${runtimeMessage(error)}`;
      if (isInputFault(message))
        throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', cause: error });
      throw new GatewayError('INTERNAL', message, { reason: 'model_error', cause: error });
    }
    const endedAt = monotonicMs();
    return { outputs: outputs.map((name) => fromRuntime(name, results[name])), startedAt, endedAt };
  }

  /** Frees the model's memory. It must not be used after. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}

function runtimeOptions(options: SessionOptions): InferenceSession.SessionOptions {
  const { intraOpThreads, interOpThreads = 1, executionMode = 'sequential', graphOptimization } = options;
  const { memoryArena, memoryPattern, entries = {} } = options;
  // Spinning threads of an idle model burn a core each.
  const quiet = intraOpThreads > 1 ? { 'session.intra_op.allow_spinning': '0' } : {};
  const extra = { ...quiet, ...entries };
  return {
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: interOpThreads,
    executionMode,
    ...(graphOptimization && { graphOptimizationLevel: graphOptimization }),
    ...(memoryArena !== undefined && { enableCpuMemArena: memoryArena }),
    ...(memoryPattern !== undefined && { enableMemPattern: memoryPattern }),
    // What goes wrong is thrown; the runtime's own lines on stderr would only double it.
    logSeverityLevel: 4,
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

function sessionValue(value: InferenceSession.ValueMetadata): SessionValue {
  if (!value.isTensor) return { name: value.name, datatype: undefined, shape: [] };
  return {
    name: value.name,
    datatype: DATATYPE_OF.get(value.type) ?? value.type,
    shape: value.shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
  };
}

/** A view on the tensor's bytes where their alignment allows it, as it does for what the gateway gathers. */
function toRuntime(tensor: WireTensor): OrtTensor {
  const { name, datatype, shape, data } = tensor;
  const count = elementCount(shape);
  if (shape.some((dim) => dim > MAX_DIM))
    throw invalid(`input ${quote(name)} has shape [${shape}], the runtime takes dimensions up to ${MAX_DIM}`);
  if (datatype === 'BYTES') return new OrtTensor('string', decodeStrings(name, data, count), shape);
  const kind = NUMERIC[datatype];
  if (kind === undefined)
    throw invalid(`input ${quote(name)} has datatype ${quote(datatype)}, which the runtime cannot take`);
  const [type, ArrayType] = kind;
  const size = ArrayType.BYTES_PER_ELEMENT;
  if (data.byteLength !== count * size)
    throw invalid(
      `input ${quote(name)} has ${data.byteLength} bytes, its shape [${shape}] and datatype ${datatype} want ${count * size}`,
    );
  const bytes = data.byteOffset % size === 0 ? data : data.slice();
  const view = new ArrayType(bytes.buffer, bytes.byteOffset, count);
  // Where Float16Array exists (Node 24), the library makes one of the bits, which its own native half then refuses or
  // loses ("got typed array (0)", "not enough space"). It reads these four fields and takes a Uint16Array everywhere.
  if (type === 'float16') return { type, dims: shape, data: view, location: 'cpu' } as unknown as OrtTensor;
  return new OrtTensor(type as 'float32', view as Float32Array, shape);
}

function fromRuntime(name: string, value: OrtTensor | undefined): WireTensor {
  const datatype = value === undefined ? undefined : DATATYPE_OF.get(value.type);
  if (value === undefined || datatype === undefined)
    throw new GatewayError('INTERNAL', `the model gave no usable output ${quote(name)}`, {
      reason: 'model_error',
    });
  const shape = [...value.dims];
  const data = datatype === 'BYTES' ? encodeStrings(value.data as string[]) : ownBytes(value.data);
  const kind = NUMERIC[datatype];
  const wanted = kind && elementCount(shape) * kind[1].BYTES_PER_ELEMENT;
  const sane = shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
  if (!sane || (wanted !== undefined && wanted !== data.byteLength))
    throw new GatewayError(
      'INTERNAL',
      `the model's output ${quote(name)} has shape [${shape}] but ${data.byteLength} bytes`,
      { reason: 'model_error' },
    );
  return { name, datatype, shape, data };
}

/** The bytes of a runtime's array, in a buffer of their own that can be transferred. */
function ownBytes(array: OrtTensor['data']): Uint8Array<ArrayBuffer> {
  const view = array as Exclude<OrtTensor['data'], string[]>;
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  return bytes.byteLength === view.buffer.byteLength ? bytes : bytes.slice();
}

/** The runtime's words without places on the server: directories of the model and of the runtime's own sources. */
function runtimeMessage(error: unknown, modelPath?: string): string {
  let text = error instanceof Error ? error.message : String(error);
  if (modelPath !== undefined) {
    text = text.replaceAll(modelPath, 'the file');
    const directory = modelPath.slice(0, modelPath.lastIndexOf('/') + 1);
    if (directory.length > 1) text = text.replaceAll(directory, '');
  }
  text = text.replace(/(?:\/[\w.+-]+)+\/([\w.+-]+\.(?:cc|h|cpp|hpp))/g, '$1').replace(/\s+/g, ' ');
  return text.length > MAX_RUNTIME_MESSAGE ? `${text.slice(0, MAX_RUNTIME_MESSAGE - 1)}…` : text;
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' });
}
