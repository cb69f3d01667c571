import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../support/server-process.js';
import { secureFiles } from './secured.js';
import { findTool, runTool, serveForInterop, type ToolResult } from './tools.js';

const SERVICES = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'inference.GRPCInferenceService',
];

const TWO_FLOWERS = {
  model_name: 'iris',
  id: 'flowers',
  inputs: [
    {
      name: 'X',
      datatype: 'FP32',
      shape: [2, 4],
      contents: { fp32_contents: [5.1, 3.5, 1.4, 0.2, 6.7, 3.0, 5.2, 2.3] },
    },
  ],
};

test('grpcurl', async (t) => {
  const grpcurl = findTool(t, 'grpcurl');
  if (grpcurl === undefined) return;
  const address = await serveForInterop(t);

  const run = (...args: string[]): Promise<ToolResult> =>
    runTool(grpcurl, ['-plaintext', '-max-time', '20', ...args]);
  const ask = async (...args: string[]): Promise<string> => {
    const result = await run(...args);
    assert.equal(result.code, 0, `grpcurl ${args.join(' ')}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  const call = async (method: string, body: object = {}): Promise<Record<string, unknown>> =>
    JSON.parse(await ask('-d', JSON.stringify(body), address, method)) as Record<string, unknown>;

  await t.test('list names every service, and describe resolves each with its imports', async () => {
    const services = (await ask(address, 'list')).trim().split('\n');
    for (const service of SERVICES) assert.ok(services.includes(service), `${service} in ${services}`);
    for (const service of services) assert.match(await ask(address, 'describe', service), /is a service/);
  });

  await t.test('describe of the inference service and its messages', async () => {
    assert.match(await ask(address, 'list', 'inference.GRPCInferenceService'), /\.ModelInfer$/m);
    const service = await ask(address, 'describe', 'inference.GRPCInferenceService');
    assert.match(service, /rpc ModelInfer \( \.inference\.ModelInferRequest \)/);
    const request = await ask(address, 'describe', 'inference.ModelInferRequest');
    assert.match(request, /repeated bytes raw_input_contents = 7;/);
    assert.match(request, /map<string, \.inference\.InferParameter> parameters = 4;/);
    assert.match(
      await ask(address, 'describe', '.inference.ModelMetadataResponse.TensorMetadata'),
      /datatype/,
    );
  });

  await t.test('calls by name through reflection', async () => {
    assert.deepEqual(await call('inference.GRPCInferenceService/ServerLive'), { live: true });
    assert.deepEqual(await call('inference.GRPCInferenceService/ModelReady', { name: 'iris' }), {
      ready: true,
    });
    const metadata = await call('inference.GRPCInferenceService/ModelMetadata', { name: 'iris' });
    assert.deepEqual(metadata['inputs'], [{ name: 'X', datatype: 'FP32', shape: ['-1', '4'] }]);
    const answer = await call('inference.GRPCInferenceService/ModelInfer', TWO_FLOWERS);
    assert.equal(answer['id'], 'flowers');
    const [labels] = answer['rawOutputContents'] as string[];
    const bytes = Buffer.from(labels as string, 'base64');
    assert.deepEqual([bytes.readBigInt64LE(0), bytes.readBigInt64LE(8)], [0n, 2n], 'setosa, virginica');
  });

  await t.test('grpc.health.v1 by name', async () => {
    for (const service of ['', 'inference.GRPCInferenceService', 'sluice.model/iris'])
      assert.deepEqual(await call('grpc.health.v1.Health/Check', { service }), { status: 'SERVING' });
    const { statuses } = await call('grpc.health.v1.Health/List');
    assert.deepEqual((statuses as Record<string, unknown>)['sluice.model/iris'], { status: 'SERVING' });
  });

  // grpcurl itself asks v1 and falls back to v1alpha only where v1 is missing: here it talks to each by name.
  for (const version of ['v1', 'v1alpha']) {
    await t.test(
      `reflection ${version} lists services, answers a symbol and refuses an unknown one`,
      async () => {
        const method = `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
        const list = (await call(method, { list_services: '' }))['listServicesResponse'];
        const names = (list as { service: { name: string }[] }).service.map(({ name }) => name);
        assert.deepEqual(
          SERVICES.filter((name) => !names.includes(name)),
          [],
        );
        const found = await call(method, { file_containing_symbol: 'inference.GRPCInferenceService' });
        assert.ok(found['fileDescriptorResponse'], JSON.stringify(found));
        const missing = await call(method, { file_containing_symbol: 'no.such.Symbol' });
        assert.deepEqual((missing['errorResponse'] as { errorCode: number }).errorCode, 5);
      },
    );
  }

  await t.test('a refusal shows its code and message', async () => {
    const body = JSON.stringify({ ...TWO_FLOWERS, model_name: 'no-such-model' });
    const result = await run('-d', body, address, 'inference.GRPCInferenceService/ModelInfer');
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /Code: NotFound/);
    assert.match(result.stderr, /Request for unknown model/);
  });

  await t.test('every line of examples/grpcurl/README.md runs', async () => {
    const page = await readFile(join(repositoryRoot, 'examples/grpcurl/README.md'), 'utf8');
    const snippets = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] as string);
    assert.ok(snippets.length >= 4, `${snippets.length} snippets`);
    for (const snippet of snippets) {
      const script = snippet.replaceAll('localhost:8001', address).replaceAll('grpcurl -', `'${grpcurl}' -`);
      const result = await runTool('bash', ['-euo', 'pipefail', '-c', script]);
      assert.equal(result.code, 0, `${snippet}\n${result.stdout}${result.stderr}`);
    }
  });
});

test('grpcurl over mutual TLS, with a token', async (t) => {
  const grpcurl = findTool(t, 'grpcurl');
  if (grpcurl === undefined) return;
  const { args, path, token } = secureFiles(t);
  const address = await serveForInterop(t, args);
  const ca = ['-cacert', path('authority.pem')];
  const own = ['-cert', path('client.pem'), '-key', path('client-key.pem')];
  const bearer = ['-H', `authorization: Bearer ${token}`];
  const run = (...options: string[]): Promise<ToolResult> =>
    runTool(grpcurl, [
      '-max-time',
      '10',
      ...options,
      address,
      'inference.GRPCInferenceService/ServerMetadata',
    ]);
  const good = await run(...ca, ...own, ...bearer);
  assert.equal(good.code, 0, good.stderr);
  assert.equal((JSON.parse(good.stdout) as { name: string }).name, 'sluice');
  for (const [what, options, wanted] of [
    ['no token', [...ca, ...own], /a valid token is wanted|Unauthenticated/],
    ['no certificate', [...ca, ...bearer], /certificate required|handshake|connection/],
    ['plain text', ['-plaintext', ...bearer], /EOF|closed|reset|connection/],
  ] as const) {
    const { code, stderr } = await run(...options);
    assert.notEqual(code, 0, what);
    assert.match(stderr, wanted, what);
  }
});
