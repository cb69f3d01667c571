import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../../core/error.js';
import type { Manifest } from '../../core/manifest.js';
import { listed } from '../../tabular/fault.js';
import type { RowValues } from '../../tabular/row-collector.js';
import { planRows } from '../../tabular/row-plan.js';
import { tellTiming } from '../call/answer-headers.js';
import { bodyOf } from '../call/body-of.js';
import { inferCallOf } from '../call/call-context.js';
import { HttpFault } from '../call/http-fault.js';
import type { RestOptions } from '../rest-options.js';
import { plainAnswer } from './plain-answer.js';
import { type BodyForm, type ReadBody, readInvocation, readPredictBody } from './read-body.js';
import { rowTensors } from './row-tensors.js';

const INFERS = { config: { kind: 'infers', traced: true } } as const;
const OPEN = { config: { kind: 'open' } } as const;

interface PredictParams {
  readonly model: string;
  readonly version?: string;
}

interface InvocationQuery {
  readonly model?: string | string[];
  readonly version?: string | string[];
}

/**
 * What people write a Flask app for: `/predict/{m}` takes rows as they come; `/invocations` and `/ping` are what MLflow's scoring server and
 * SageMaker's containers have.
 */
export function addPeopleRoutes(app: FastifyInstance, options: RestOptions): void {
  for (const path of ['/predict/:model', '/predict/:model/versions/:version'])
    app.post<{ Params: PredictParams }>(path, INFERS, async (request, reply) => {
      const { model, version = '' } = request.params;
      const { answer, result } = await predictRows(request, model, version, readPredictBody, options);
      const others = answer.others === '' ? '' : `,"outputs":${answer.others}`;
      tellTiming(request, reply, result.timing);
      return json(
        reply,
        `{"model":${JSON.stringify(result.model)},"version":${result.version},"predictions":${answer.predictions}${others}}`,
      );
    });
  app.post<{ Querystring: InvocationQuery }>('/invocations', INFERS, async (request, reply) => {
    const { model, version } = request.query;
    const { answer, result } = await predictRows(
      request,
      model === undefined ? onlyModel(options) : String(model),
      version === undefined ? '' : String(version),
      readInvocation,
      options,
    );
    tellTiming(request, reply, result.timing);
    return json(reply, `{"predictions":${answer.predictions}}`);
  });
  app.get('/ping', OPEN, (_request, reply) => reply.code(options.serverReady() ? 200 : 503).send({}));
}

async function predictRows(
  request: FastifyRequest,
  model: string,
  version: string,
  read: ReadBody,
  options: RestOptions,
) {
  const { catalog, infer, style } = options;
  const body = bodyOf(request);
  const manifest = catalog.describe(model, version);
  const rows = rowsOf(manifest, read, formOf(request), body);
  const wanted = { model, version, inputs: rowTensors(rows), messageBytes: body.length, splits: true };
  const result = await infer(inferCallOf(request, wanted, options));
  const answer = plainAnswer(result, manifest, rows.rows, style);
  result.release?.();
  return { answer, result };
}

function rowsOf(manifest: Manifest, read: ReadBody, form: BodyForm, body: Buffer): RowValues {
  const { model, signature, features } = manifest;
  return read(planRows(model, signature.inputs, features), form, body);
}

/** JSON unless the request says that it is CSV; what says something else is refused, but for what tools say without being told to. */
function formOf({ headers }: FastifyRequest): BodyForm {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/csv' || type === 'application/csv') return 'csv';
  const known = ['', 'text/plain', 'application/octet-stream', 'application/x-www-form-urlencoded'];
  if (known.includes(type) || /^application\/(?:[\w.-]+\+)?json$/.test(type)) return 'json';
  throw new HttpFault(415, 'content-type is not known: wanted application/json or text/csv');
}

/** The model that is meant where a request names none. */
function onlyModel({ catalog }: RestOptions): string {
  const names = [...new Set(catalog.list().map(({ model }) => model))];
  const ready = names.filter((model) => catalog.ready(model, ''));
  const [only] = ready.length > 0 ? ready : names;
  if (only !== undefined && Math.max(ready.length, 1) === 1) return only;
  const message =
    only === undefined
      ? 'this server has no model'
      : `this server has several models: name one, /invocations?model=${only}; there are ${listed(ready)}`;
  throw new GatewayError(only === undefined ? 'NOT_FOUND' : 'INVALID_ARGUMENT', message, {
    reason: 'unknown_model',
    field: 'model',
  });
}

function json(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('application/json').send(text);
}
