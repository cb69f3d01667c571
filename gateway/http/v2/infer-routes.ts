import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bodyOf } from '../call/body-of.js';
import type { RestOptions } from '../rest-options.js';
import { inferV2 } from './infer.js';

const INFERS = { config: { kind: 'infers', traced: true } } as const;

interface InferParams {
  readonly model: string;
  readonly version?: string;
}

/**
 * `POST /v2/models/{m}[/versions/{v}]/infer`: a version, a label in its place, or what the server chooses. Nearly all requests for them
 * are taken by `DirectInfer` before they come here.
 */
export function addV2Infer(app: FastifyInstance, options: RestOptions): void {
  // Fastify would watch an answer that is given as a promise: that costs as much as the inference.
  const handler = (request: FastifyRequest<{ Params: InferParams }>, reply: FastifyReply): void => {
    const { model, version = '' } = request.params;
    inferV2(request, { model, version }, bodyOf(request), options).then(
      ({ headers, body }) => reply.headers(headers).send(body),
      (error: Error) => reply.send(error),
    );
  };
  app.post<{ Params: InferParams }>('/v2/models/:model/infer', INFERS, handler);
  app.post<{ Params: InferParams }>('/v2/models/:model/versions/:version/infer', INFERS, handler);
}
