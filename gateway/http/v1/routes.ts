import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError, quote } from '../../core/error.js';
import { inServingWords, type ModelSpec, versionWanted } from '../../core/tfs/model-spec.js';
import { tellTiming } from '../call/answer-headers.js';
import { bodyOf } from '../call/body-of.js';
import { inferCallOf } from '../call/call-context.js';
import type { RestOptions } from '../rest-options.js';
import { addV1Information } from './information.js';
import { predictAnswer } from './predict-answer.js';
import { readPredictRequest } from './predict-request.js';
import { type TargetParams, targetOf } from './targets.js';
import { tellTask } from './tasks.js';

const INFERS = { config: { kind: 'infers', traced: true } } as const;

type V1Request = FastifyRequest<{ Params: TargetParams }>;

/** TensorFlow Serving's RESTful API, which KServe's v1 protocol is a part of. */
export function addV1Routes(app: FastifyInstance, options: RestOptions): void {
  for (const [path, by] of [
    ['/v1/models/:target', 'model'],
    ['/v1/models/:model/versions/:target', 'version'],
    ['/v1/models/:model/labels/:target', 'label'],
  ] as const)
    app.post<{ Params: TargetParams }>(path, INFERS, (request, reply) => {
      const { spec, verb } = targetOf(request.params, by);
      if (verb === 'predict') return predict(request, reply, spec, options);
      if (verb === 'classify' || verb === 'regress') return tellTask(verb, request, spec, options);
      throw new GatewayError(
        'NOT_FOUND',
        `nothing is served at the verb ${quote(verb)}: wanted :predict, :classify or :regress`,
        { reason: 'bad_request' },
      );
    });
  addV1Information(app, options);
}

async function predict(
  request: V1Request,
  reply: FastifyReply,
  spec: ModelSpec,
  options: RestOptions,
): Promise<FastifyReply> {
  const body = bodyOf(request);
  try {
    const version = versionWanted(spec);
    const { signature } = options.catalog.describe(spec.name, version);
    const { inputs, rows } = readPredictRequest(body, signature);
    const call = inferCallOf(
      request,
      { model: spec.name, version, inputs, messageBytes: body.length, splits: true },
      options,
    );
    const result = await options.infer(call);
    const answer = predictAnswer(result, rows, options.style);
    result.release?.();
    tellTiming(request, reply, result.timing);
    return reply.type('application/json').send(answer);
  } catch (thrown) {
    throw inServingWords(thrown, spec);
  }
}
