import type { MethodClass } from '../../core/access.js';

/** One request that the HTTP listener answers. */
export interface Operation {
  readonly method: 'get' | 'post';
  /** As OpenAPI writes it: `/v2/models/{model}/infer`. */
  readonly path: string;
  /** Who may ask: see core/access. */
  readonly kind: MethodClass;
  readonly tag: string;
  readonly summary: string;
  /** Names of schemas, by media type; absent where there is no body. */
  readonly body?: Readonly<Record<string, string>>;
  readonly answer: Readonly<Record<string, string>>;
  /** Parameters of the query, with what each is for. */
  readonly query?: Readonly<Record<string, string>>;
}

const json = (schema: string) => ({ 'application/json': schema });
const BINARY = 'application/octet-stream';
const OIP = 'Open Inference Protocol';
const TFS = 'TensorFlow Serving and KServe v1';
const ROWS = 'Rows';
const SERVER = 'Server';

/** With and without a version in the path. */
function versions(prefix: string, suffix: string, rest: Omit<Operation, 'path'>): Operation[] {
  return [`${prefix}/{model}`, `${prefix}/{model}/versions/{version}`].map((path) => ({
    ...rest,
    path: path + suffix,
  }));
}

/** The model, a version of it, or what a label leads to. */
function targets(suffix: string, rest: Omit<Operation, 'path'>): Operation[] {
  return [
    '/v1/models/{model}',
    '/v1/models/{model}/versions/{version}',
    '/v1/models/{model}/labels/{label}',
  ].map((path) => ({ ...rest, path: path + suffix }));
}

const read = (tag: string, summary: string, answer = 'Any') =>
  ({ method: 'get', kind: 'reads', tag, summary, answer: json(answer) }) as const;
const v1 = (verb: string, summary: string, body: string, answer: string) =>
  targets(`:${verb}`, {
    method: 'post',
    kind: 'infers',
    tag: TFS,
    summary,
    body: json(body),
    answer: json(answer),
  });

/** All that the HTTP listener serves; the document of OpenAPI is made of it, and a test holds it against the routes. */
export const OPERATIONS: readonly Operation[] = [
  { ...read(SERVER, 'Whether the process is worth keeping'), path: '/livez', kind: 'open' },
  { ...read(SERVER, 'Whether requests should be sent here'), path: '/readyz', kind: 'open' },
  { ...read(SERVER, 'The same, for SageMaker'), path: '/ping', kind: 'open' },
  { ...read(SERVER, 'Metrics, for Prometheus'), path: '/metrics', answer: { 'text/plain': 'Text' } },
  { ...read(SERVER, 'What the scheduler has learned'), path: '/scheduler' },
  { ...read(SERVER, 'This document'), path: '/openapi.json' },
  { ...read(OIP, 'Name, version and extensions of the server'), path: '/v2' },
  { ...read(OIP, 'Whether the server lives'), path: '/v2/health/live', kind: 'open' },
  { ...read(OIP, 'Whether the server is ready'), path: '/v2/health/ready', kind: 'open' },
  { ...read(OIP, 'Statistics of all models'), path: '/v2/models/stats' },
  ...versions('/v2/models', '', read(OIP, 'Inputs and outputs of a model', 'ModelMetadata')),
  ...versions('/v2/models', '/ready', read(OIP, 'Whether the model can be called')),
  ...versions('/v2/models', '/config', read(OIP, 'Configuration of a model, as Triton has it')),
  ...versions('/v2/models', '/stats', read(OIP, 'Statistics of a model')),
  ...versions('/v2/models', '/infer', {
    method: 'post',
    kind: 'infers',
    tag: OIP,
    summary: 'Inference',
    body: { ...json('InferRequest'), [BINARY]: 'Bytes' },
    answer: { ...json('InferResponse'), [BINARY]: 'Bytes' },
  }),
  {
    ...read(OIP, 'The models, and in what state they are'),
    method: 'post',
    path: '/v2/repository/index',
    body: json('Any'),
    answer: json('Any'),
  },
  ...(['load', 'unload'] as const).map(
    (verb): Operation => ({
      method: 'post',
      path: `/v2/repository/models/{model}/${verb}`,
      kind: 'changes',
      tag: OIP,
      summary: verb === 'load' ? 'Loads a model' : 'Unloads a model',
      body: json('Any'),
      answer: json('Any'),
    }),
  ),
  { ...read(TFS, 'Names of the models that are ready'), path: '/v1/models' },
  ...targets('', read(TFS, 'States of the versions of a model')),
  ...targets('/metadata', read(TFS, 'Signatures of a model')),
  ...v1('predict', 'Inference on instances or whole tensors', 'V1PredictRequest', 'V1PredictResponse'),
  ...v1('classify', 'Classes of examples', 'V1Examples', 'Any'),
  ...v1('regress', 'Values of examples', 'V1Examples', 'Any'),
  ...versions('/predict', '', {
    method: 'post',
    kind: 'infers',
    tag: ROWS,
    summary: 'Predictions for rows, records or CSV',
    body: { ...json('Rows'), 'text/csv': 'Text' },
    answer: json('Predictions'),
  }),
  {
    method: 'post',
    path: '/invocations',
    kind: 'infers',
    tag: ROWS,
    summary: 'Predictions, as MLflow and SageMaker ask for them',
    body: { ...json('Invocation'), 'text/csv': 'Text' },
    answer: json('Predictions'),
    query: { model: 'which model, where there are several', version: 'a version or a label' },
  },
];
