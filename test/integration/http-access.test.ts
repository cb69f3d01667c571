/** Who may ask what over HTTP: every route by everybody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATIONS } from '../../gateway/http/openapi/operations.js';
import { makeFolder } from '../support/certificates.js';
import { ask } from '../support/http-client.js';
import { addModel } from '../support/onnx-model.js';
import { tokenLine } from '../support/tokens.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

/** What a route does, and so who may ask for it. */
type Kind = 'open' | 'reads' | 'infers' | 'changes';

const model = ['/v2/models/{model}', '/v2/models/{model}/versions/{version}'];
const target = [
  '/v1/models/{model}',
  '/v1/models/{model}/versions/{version}',
  '/v1/models/{model}/labels/{label}',
];
const below = (paths: readonly string[], suffix: string): string[] => paths.map((path) => path + suffix);

/** Every route. A new one fails the test until somebody says here what it may do. */
const ROUTES: Readonly<Record<Kind, readonly string[]>> = {
  open: ['get /livez', 'get /readyz', 'get /ping', 'get /v2/health/live', 'get /v2/health/ready'],
  reads: [
    ...['/metrics', '/scheduler', '/openapi.json', '/v2', '/v2/models/stats', '/v1/models'],
    ...[...model, ...below(model, '/ready'), ...below(model, '/config'), ...below(model, '/stats')],
    ...[...target, ...below(target, '/metadata')],
  ]
    .map((path) => `get ${path}`)
    .concat('post /v2/repository/index'),
  infers: [
    ...below(model, '/infer'),
    ...[':predict', ':classify', ':regress'].flatMap((verb) => below(target, verb)),
    ...['/predict/{model}', '/predict/{model}/versions/{version}', '/invocations'],
  ].map((path) => `post ${path}`),
  changes: ['post /v2/repository/models/{model}/load', 'post /v2/repository/models/{model}/unload'],
};

const TOKENS = { infer: 'i-1', read: 'r-1', control: 'c-1' } as const;
type Asker = 'nobody' | 'a stranger' | keyof typeof TOKENS;

const MAY: Readonly<Record<Kind, readonly Asker[]>> = {
  open: ['nobody', 'a stranger', 'infer', 'read', 'control'],
  reads: ['infer', 'read', 'control'],
  infers: ['infer'],
  changes: ['control'],
};
const ASKERS: readonly Asker[] = MAY.open;

function headersOf(asker: Asker): Record<string, string> {
  if (asker === 'nobody') return {};
  return { authorization: `Bearer ${asker === 'a stranger' ? 'x-1' : TOKENS[asker]}` };
}

const status = async (port: number, method: string, path: string, asker: Asker): Promise<number> => {
  const asked = path.replace('{model}', 'add').replace('{version}', '1').replace('{label}', 'stable');
  const body = method === 'post' ? '{"none":1}' : undefined;
  return (await ask(port, asked, body, { headers: headersOf(asker) })).status;
};

const ROLES = Object.entries(TOKENS).map(([role, token]) => tokenLine(role, role, token));

test('every route: whom it answers, and whom it tells nothing', async (t) => {
  const served = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(served.toSorted(), Object.values(ROUTES).flat().toSorted());
  const { httpPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'add/1/model.onnx': addModel(1) })],
    modelControlMode: 'explicit',
    workers: { count: 1 },
    auth: { tokensFile: makeFolder(t).write('tokens', ROLES.join('')), reloadSecs: 1 },
    admin: { openOnGrpc: true },
  });
  for (const [kind, routes] of Object.entries(ROUTES) as [Kind, readonly string[]][])
    for (const route of routes) {
      const [method = '', path = ''] = route.split(' ');
      for (const asker of ASKERS) {
        const got = await status(httpPort, method, path, asker);
        const refused = asker in TOKENS ? 403 : 401;
        if (MAY[kind].includes(asker)) assert.ok(got !== 401 && got !== 403, `${route} by ${asker}: ${got}`);
        else assert.equal(got, refused, `${route} by ${asker}`);
      }
    }
  // What nobody serves is told apart from what is served only by who may see.
  assert.equal(await status(httpPort, 'get', '/nothing', 'nobody'), 401);
  assert.equal(await status(httpPort, 'get', '/nothing', 'read'), 404);
});

test('where the control plane is closed, no token changes anything', async (t) => {
  const { httpPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'add/1/model.onnx': addModel(1) })],
    modelControlMode: 'explicit',
    workers: { count: 1 },
    auth: { tokensFile: makeFolder(t).write('tokens', ROLES.join('')), reloadSecs: 1 },
  });
  for (const route of ROUTES.changes) {
    const [method = '', path = ''] = route.split(' ');
    assert.equal(await status(httpPort, method, path, 'control'), 403, route);
  }
});
