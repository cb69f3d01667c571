import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { tellTiming } from '../call/answer-headers.js';
import { bodyOf } from '../call/body-of.js';
import { inferCallOf } from '../call/call-context.js';
import type { RestOptions } from '../rest-options.js';
import { jsonLength } from './binary-part.js';
import { inferAnswer } from './infer-answer.js';
import { readInferRequest } from './infer-request.js';

/** Where the JSON ends and tensors begin, in requests and in answers. */
const JSON_LENGTH_HEADER = 'inference-header-content-length';
const JSON_TYPE = 'application/json; charset=utf-8';
const INFERS = { config: { kind: 'infers', traced: true } } as const;

interface InferParams {
  readonly model: string;
  readonly version?: string;
}

/** `POST /v2/models/{m}[/versions/{v}]/infer`: a version, a label in its place, or what the server chooses. */
export function addV2Infer(app: FastifyInstance, options: RestOptions): void {
  // Fastify would watch an answer that is given as a promise: that costs as much as the inference.
  const handler = (request: FastifyRequest<{ Params: InferParams }>, reply: FastifyReply): void => {
    inferV2(request, reply, options).catch((error: Error) => reply.send(error));
  };
  app.post<{ Params: InferParams }>('/v2/models/:model/infer', INFERS, handler);
  app.post<{ Params: InferParams }>('/v2/models/:model/versions/:version/infer', INFERS, handler);
}

async function inferV2(
  request: FastifyRequest<{ Params: InferParams }>,
  reply: FastifyReply,
  options: RestOptions,
): Promise<void> {
  const body = bodyOf(request);
  const { model, version = '' } = request.params;
  const header = request.headers[JSON_LENGTH_HEADER];
  const wanted = readInferRequest(
    body,
    jsonLength(typeof header === 'string' ? header : undefined, body.length),
  );
  const { id, inputs, outputs, parameters, classifications, binary, allBinary } = wanted;
  const call = inferCallOf(
    request,
    { model, version, id, inputs, outputs, parameters, classifications, messageBytes: body.length },
    options,
  );
  const result = await options.infer(call);
  const answer = inferAnswer(
    // An id that came in a header goes back in one.
    id === undefined ? { ...result, id: '' } : result,
    (output) => binary.get(output) ?? allBinary,
    options.style,
  );
  result.release?.();
  tellTiming(request, reply, result.timing);
  if (answer.jsonBytes === undefined) void reply.type(JSON_TYPE).send(answer.body);
  else
    void reply
      .header(JSON_LENGTH_HEADER, String(answer.jsonBytes))
      .type('application/octet-stream')
      .send(answer.body);
}
