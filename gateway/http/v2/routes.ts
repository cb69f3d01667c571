import type { FastifyInstance } from 'fastify';
import { GatewayError } from '../../core/error.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { bodyOf } from '../call/body-of.js';
import type { RestOptions } from '../rest-options.js';
import { readLoadParameters } from './load-parameters.js';

interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

const OPEN = { config: { kind: 'open' } } as const;
const READS = { config: { kind: 'reads' } } as const;
const CHANGES = { config: { kind: 'changes' } } as const;

/** All of the Open Inference Protocol's REST form, and Triton's extensions of it, that is no inference. */
export function addV2Routes(app: FastifyInstance, options: RestOptions): void {
  const { rpcs, serverReady } = options;
  const rpc = GRPCInferenceService.method;
  app.get('/v2', READS, (request) => rpcs.tell(request, rpc.serverMetadata, {}));
  app.get('/v2/health/live', OPEN, () => ({ live: true }));
  app.get('/v2/health/ready', OPEN, (_request, reply) => {
    const ready = serverReady();
    return reply.code(ready ? 200 : 503).send({ ready });
  });
  app.get('/v2/models/stats', READS, (request) => rpcs.tell(request, rpc.modelStatistics, {}));
  for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    app.get<{ Params: ModelParams }>(path, READS, (request) =>
      rpcs.tell(request, rpc.modelMetadata, asked(request.params)),
    );
    app.get<{ Params: ModelParams }>(`${path}/stats`, READS, (request) =>
      rpcs.tell(request, rpc.modelStatistics, asked(request.params)),
    );
    app.get<{ Params: ModelParams }>(`${path}/config`, READS, async (request) => {
      const { config } = await rpcs.tell(request, rpc.modelConfig, asked(request.params));
      return config;
    });
    app.get<{ Params: ModelParams }>(`${path}/ready`, READS, async (request, reply) => {
      const { name, version } = asked(request.params);
      const { ready } = await rpcs.ask(request, rpc.modelReady, { name, version });
      return reply.code(ready ? 200 : 503).send({ name, ready });
    });
  }
  addRepository(app, options);
}

function addRepository(app: FastifyInstance, { rpcs }: RestOptions): void {
  const rpc = GRPCInferenceService.method;
  app.post('/v2/repository/index', READS, async (request, reply) => {
    const { models } = await rpcs.tell(request, rpc.repositoryIndex, { ready: wantsReady(bodyOf(request)) });
    return reply.send(models);
  });
  app.post<{ Params: ModelParams }>('/v2/repository/models/:model/load', CHANGES, async (request, reply) => {
    const parameters = readLoadParameters(bodyOf(request));
    await rpcs.ask(request, rpc.repositoryModelLoad, { modelName: request.params.model, parameters });
    return reply.send({});
  });
  app.post<{ Params: ModelParams }>(
    '/v2/repository/models/:model/unload',
    CHANGES,
    async (request, reply) => {
      await rpcs.ask(request, rpc.repositoryModelUnload, { modelName: request.params.model });
      return reply.send({});
    },
  );
}

function asked({ model, version = '' }: ModelParams): { readonly name: string; readonly version: string } {
  return { name: model, version };
}

function wantsReady(body: Buffer): boolean {
  if (body.length === 0) return false;
  try {
    const { ready = false } = JSON.parse(body.toString('utf8')) as { ready?: unknown };
    return ready === true;
  } catch {
    throw new GatewayError(
      'INVALID_ARGUMENT',
      'failed to parse the request JSON buffer: wanted {"ready": true} or nothing',
      {
        reason: 'bad_request',
      },
    );
  }
}
