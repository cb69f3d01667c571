import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { identityModel } from '../support/onnx-model.js';
import { repositoryRoot } from '../support/server-process.js';
import { makeRepository } from '../support/use-gateway.js';
import { secureFiles } from './secured.js';
import { findTool, interopModels, pythonScripts, runTool, serveForInterop, type ToolName } from './tools.js';

/** What harness.py prints for a step. */
interface Step {
  readonly step: string;
  readonly error: string | null;
}

/** Runs one script of test/interop/python; each of its steps is a subtest. */
async function runSteps(
  t: TestContext,
  script: string,
  args: readonly string[] = [],
  more: readonly string[] = [],
  tool: ToolName = 'python',
  protocol: 'grpc' | 'http' = 'grpc',
): Promise<void> {
  const python = findTool(t, tool);
  if (python === undefined) return;
  const address = await serveForInterop(t, args, protocol);
  const result = await runTool(python, ['-B', join(pythonScripts, script), address, ...more]);
  const everything = `${result.stdout}\n${result.stderr}`;
  assert.equal(result.code, 0, everything);
  const [head, ...lines] = result.stdout.trim().split('\n');
  const { steps } = JSON.parse(head as string) as { steps: number };
  assert.ok(steps > 0 && lines.length === steps, `${lines.length} of ${steps} steps ran:\n${everything}`);
  for (const line of lines) {
    const { step, error } = JSON.parse(line) as Step;
    await t.test(step, () => assert.equal(error, null, error ?? ''));
  }
}

test('tritonclient, blocking and with callbacks', (t) => runSteps(t, 'triton_client.py'));

test('tritonclient, the steps of the example clients', (t) => runSteps(t, 'triton_steps.py'));

test('tritonclient, loads and unloads by call', (t) =>
  runSteps(t, 'triton_control.py', ['--model-control-mode', 'explicit', '--allow-admin-on-grpc']));

const overHttp = (t: TestContext, script: string, args: readonly string[] = []) =>
  runSteps(t, script, args, [], 'python', 'http');

test('tritonclient over HTTP, the steps of the example clients', (t) => overHttp(t, 'triton_http.py'));

test('tritonclient over HTTP, loads and unloads by call', (t) =>
  overHttp(t, 'triton_http_control.py', ['--model-control-mode', 'explicit', '--allow-admin-on-grpc']));

test('tritonclient, asyncio', (t) => runSteps(t, 'triton_aio.py'));

test("TensorFlow Serving's Python client", (t) => {
  const column = identityModel('FP32', ['N', 1]);
  const more = makeRepository(t, { 'identity_column/1/model.onnx': column });
  const args = ['--model-repository', more, '--allow-admin-on-grpc'];
  return runSteps(t, 'tfs_client.py', args, [interopModels], 'tfs-python');
});

test('docs/TENSORFLOW-SERVING.md: the client on the page runs as it stands', async (t) => {
  const python = findTool(t, 'tfs-python');
  if (python === undefined) return;
  const address = await serveForInterop(t);
  const page = readFileSync(join(repositoryRoot, 'docs/TENSORFLOW-SERVING.md'), 'utf8');
  const script = /^```python\n(.*?)^```$/ms.exec(page)?.[1] as string;
  assert.match(script, /"localhost:8001"/);
  const result = await runTool(python, ['-B', '-c', script.replace('localhost:8001', address)]);
  assert.match(result.stdout, /^\d+ \[\[1\.0, 0\.0, 0\.0\]\]\n$/, result.stderr);
});

test('grpcio alone: wire, health and reflection', (t) => runSteps(t, 'plain_grpc.py'));

test('grpcio over mutual TLS, with a token', (t) => {
  const { args, path } = secureFiles(t);
  return runSteps(t, 'secured_grpc.py', args, [path('.')]);
});

test('examples/python/client.py: 150 rows agree with scikit-learn', async (t) => {
  const python = findTool(t, 'python');
  if (python === undefined) return;
  const address = await serveForInterop(t);
  const client = join(repositoryRoot, 'examples/python/client.py');
  const result = await runTool(python, ['-B', client, '--address', address]);
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  assert.equal(result.stdout.match(/agrees with scikit-learn/g)?.length, 2, result.stdout);
});
