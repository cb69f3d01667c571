/** ghz, which asks for the methods through reflection: a short run, and every call of it OK. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findTool, runTool, serveForInterop } from './tools.js';

const CALLS = 2000;

const flower = (id: string) => ({
  model_name: 'iris',
  id,
  inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], contents: { fp32_contents: [5.1, 3.5, 1.4, 0.2] } }],
});

/** What ghz writes of a run. */
interface Report {
  readonly count: number;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
  readonly errorDistribution: Readonly<Record<string, number>>;
}

test('ghz: unary calls, streams, and compressed ones, all OK', async (t) => {
  const ghz = findTool(t, 'ghz');
  if (ghz === undefined) return;
  const address = await serveForInterop(t);
  const three = ['a', 'b', 'c'].map(flower);
  const rows: readonly [string, string, object, number, readonly string[]][] = [
    ['unary', 'ModelInfer', flower(''), CALLS, []],
    ['unary, gzip', 'ModelInfer', flower(''), CALLS, ['-e']],
    ['three requests a stream', 'ModelStreamInfer', three, CALLS / 4, []],
    ['ready', 'ModelReady', { name: 'iris' }, CALLS, []],
  ];
  for (const [name, method, data, calls, args] of rows)
    await t.test(name, async () => {
      const { code, stdout, stderr } = await runTool(ghz, [
        ...['--insecure', '--call', `inference.GRPCInferenceService.${method}`, '-d', JSON.stringify(data)],
        ...['-n', String(calls), '-c', '20', '--connections', '4', '-O', 'json', ...args, address],
      ]);
      assert.equal(code, 0, stdout + stderr);
      const report = JSON.parse(stdout) as Report;
      assert.equal(report.count, calls);
      assert.deepEqual(
        report.statusCodeDistribution,
        { OK: calls },
        JSON.stringify(report.errorDistribution),
      );
    });
});
