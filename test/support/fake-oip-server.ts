/** A small server of the Open Inference Protocol for tests of the client and the CLI: it answers what it is told. */

import { fileURLToPath } from 'node:url';
import {
  type handleUnaryCall,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export interface FakeTensor {
  name: string;
  datatype: string;
  shape: number[];
}

export interface FakeInferRequest {
  model_name: string;
  model_version: string;
  id: string;
  parameters: Record<string, unknown>;
  inputs: { name: string; datatype: string; shape: string[] }[];
  outputs: { name: string }[];
  raw_input_contents: Buffer[];
}

export interface FakeInferResponse {
  model_name?: string;
  model_version?: string;
  id?: string;
  outputs: (FakeTensor & { contents?: object })[];
  raw_output_contents?: Uint8Array[];
}

export interface FakeModel {
  inputs: FakeTensor[];
  outputs: FakeTensor[];
  versions?: string[];
  /** What ModelStatistics tells of each version; a server of which no model has one is without that call. */
  memoryBytes?: number;
  infer(request: FakeInferRequest): FakeInferResponse | Promise<FakeInferResponse>;
}

/** Thrown by `infer` to answer an error, with trailers if wanted. */
export class FakeStatus extends Error {
  readonly code: keyof typeof status;
  readonly trailers: Record<string, string | Buffer>;

  constructor(code: keyof typeof status, message: string, trailers: Record<string, string | Buffer> = {}) {
    super(message);
    this.code = code;
    this.trailers = trailers;
  }
}

export interface FakeServer {
  readonly address: string;
  readonly models: Map<string, FakeModel>;
  /** Health by service name. */
  readonly health: Map<string, string>;
  /** Paths called, in order: `ModelInfer`, … */
  readonly calls: string[];
  /** Metadata of the latest call. */
  lastHeaders: Record<string, unknown>;
  close(): void;
}

type Handler = (request: Record<string, unknown>) => unknown;

/** Answers `[N, 3]` probabilities and a label per row, as the iris model does: the label is the row's index modulo 3. */
export const fakeIris: FakeModel = {
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [-1] },
    { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
  ],
  versions: ['1', '2'],
  infer(request) {
    const shape = request.inputs[0]?.shape.map(Number) ?? [];
    if (shape.length !== 2 || shape[1] !== 4) {
      const text = `unexpected shape for input 'X' for model 'iris'. Expected [-1,4], got [${shape.join(',')}]`;
      throw new FakeStatus('INVALID_ARGUMENT', text);
    }
    const rows = shape[0] as number;
    const labels = BigInt64Array.from({ length: rows }, (_, row) => BigInt(row % 3));
    const probabilities = Float32Array.from({ length: rows * 3 }, (_, i) =>
      i % 3 === Math.floor(i / 3) % 3 ? 0.97 : 0.015,
    );
    const all = [
      { name: 'label', datatype: 'INT64', shape: [rows], raw: new Uint8Array(labels.buffer) },
      {
        name: 'probabilities',
        datatype: 'FP32',
        shape: [rows, 3],
        raw: new Uint8Array(probabilities.buffer),
      },
    ];
    const names = request.outputs.map((output) => output.name);
    const wanted = names.length === 0 ? all : all.filter((output) => names.includes(output.name));
    return {
      outputs: wanted.map(({ raw: _, ...spec }) => spec),
      raw_output_contents: wanted.map(({ raw }) => raw),
    };
  },
};

function handlers(fake: Pick<FakeServer, 'models' | 'health'>): Record<string, Handler> {
  const find = (name: unknown): FakeModel => {
    const model = fake.models.get(String(name));
    if (model === undefined)
      throw new FakeStatus('NOT_FOUND', `Request for unknown model: '${name}' is not found`);
    return model;
  };
  return {
    ServerLive: () => ({ live: true }),
    ServerReady: () => ({ ready: true }),
    ServerMetadata: () => ({ name: 'fake', version: '0', extensions: ['classification'] }),
    ModelReady: ({ name }) => ({ ready: fake.models.has(String(name)) }),
    ModelMetadata: ({ name }) => {
      const { inputs, outputs, versions } = find(name);
      return { name, versions: versions ?? ['1'], platform: 'fake', inputs, outputs };
    },
    ModelInfer: async (request) => {
      const typed = request as unknown as FakeInferRequest;
      const { model_name, model_version, id } = typed;
      const model = find(model_name);
      const version = model_version || (model.versions?.at(-1) ?? '1');
      return { model_name, model_version: version, id, ...(await model.infer(typed)) };
    },
    RepositoryIndex: () => ({
      models: [...fake.models]
        .flatMap(([name, { versions }]) =>
          (versions ?? ['1']).map((version) => ({ name, version, state: 'READY', reason: '' })),
        )
        .concat({ name: 'broken', version: '1', state: 'UNAVAILABLE', reason: 'not an ONNX file' }),
    }),
    ModelStatistics: () => {
      const told = [...fake.models].filter(([, { memoryBytes }]) => memoryBytes !== undefined);
      if (told.length === 0) throw new FakeStatus('UNIMPLEMENTED', 'no statistics');
      const stats = told.flatMap(([name, { versions = ['1'], memoryBytes }]) =>
        versions.map((version) => ({
          name,
          version,
          memory_usage: [{ type: 'CPU', byte_size: memoryBytes }],
        })),
      );
      return { model_stats: stats };
    },
    Check: ({ service }) => {
      const status = fake.health.get(String(service));
      if (status === undefined) throw new FakeStatus('NOT_FOUND', `unknown service '${service}'`);
      return { status };
    },
  };
}

/** Starts the server on a free port of the loopback. */
export async function startFakeServer(
  models: Record<string, FakeModel> = { iris: fakeIris },
): Promise<FakeServer> {
  const root = fileURLToPath(new URL('../../../proto', import.meta.url));
  const files = ['inference/grpc_service.proto', 'grpc/health/v1/health.proto'];
  const loaded = loadPackageDefinition(
    loadSync(files, { includeDirs: [root], keepCase: true, longs: String, enums: String, defaults: true }),
  ) as unknown as {
    inference: { GRPCInferenceService: ServiceClientConstructor };
    grpc: { health: { v1: { Health: ServiceClientConstructor } } };
  };
  const server = new Server();
  const fake: FakeServer = {
    address: '',
    models: new Map(Object.entries(models)),
    health: new Map([['', 'SERVING']]),
    calls: [],
    lastHeaders: {},
    close: () => server.forceShutdown(),
  };
  const implementation = Object.fromEntries(
    Object.entries(handlers(fake)).map(([name, handler]) => [name, unary(fake, name, handler)]),
  );
  server.addService(loaded.inference.GRPCInferenceService.service, implementation);
  server.addService(loaded.grpc.health.v1.Health.service, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return Object.assign(fake, { address: `127.0.0.1:${port}` });
}

function unary(
  fake: FakeServer,
  name: string,
  handler: Handler,
): handleUnaryCall<Record<string, unknown>, unknown> {
  return (call, callback) => {
    fake.calls.push(name);
    fake.lastHeaders = call.metadata.getMap();
    Promise.resolve()
      .then(() => handler(call.request))
      .then(
        (answer) => callback(null, answer),
        (error: unknown) => {
          if (!(error instanceof FakeStatus))
            return callback({ code: status.UNKNOWN, details: String(error) });
          const metadata = new Metadata();
          for (const [key, value] of Object.entries(error.trailers)) metadata.set(key, value);
          callback({ code: status[error.code], details: error.message, metadata });
        },
      );
  };
}
