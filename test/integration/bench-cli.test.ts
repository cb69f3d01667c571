/** `sluice bench` as a user runs it, against the real gateway. What a loaded machine makes of figures is not asserted. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readReport } from '../../bench/report/read-report.js';
import { fakeMeasurement, fakeReport } from '../support/fake-load.js';
import { runCli, runHere } from '../support/run-cli.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a closed loop on iris: table, JSON, CSV and HTML, and the server’s own figures', async (t) => {
  const { address, httpPort } = await useGateway(t, { modelRepository: [EXAMPLES] });
  const out = folder(t);
  const { code, stdout, stderr } = await runCli([
    'bench',
    'iris',
    ...[
      '--address',
      address,
      '--duration',
      '1s',
      '--warmup',
      '100ms',
      '--concurrency',
      '1,4',
      '--expect',
      'first',
    ],
    ...['--metrics-url', `http://127.0.0.1:${httpPort}/metrics`],
    ...['--json', join(out, 'r.json'), '--csv', join(out, 'r.csv'), '--html', join(out, 'r.html')],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /LOAD +OFFERED\/S +OK\/S +GOODPUT +P50 .*BATCH +QUEUE +COMPUTE/);
  assert.match(stdout, /\nconcurrency 1 +\d/);
  assert.match(stderr, /concurrency 4: \d+\/s, p50 /);

  const report = readReport(readFileSync(join(out, 'r.json'), 'utf8'));
  assert.equal(report.measurements.length, 2);
  assert.match(report.server ?? '', /^sluice /);
  assert.match(report.command, /^sluice bench iris --address 127\.0\.0\.1:\d+ --duration 1s /);
  for (const { figures, result, server, step } of report.measurements) {
    assert.ok(result.counts.ok >= 10, `${step}: ${JSON.stringify(result.counts)}`);
    assert.equal(result.counts.ok, result.counts.offered, `${step}: ${result.samples.join('; ')}`);
    assert.deepEqual([figures.goodput, figures.wrong], [1, 0]);
    assert.ok((figures.p50Ms as number) > 0 && (figures.p50Ms as number) <= (figures.p99Ms as number));
    assert.ok(
      (server?.batchRows as number) >= 1 && (server?.computeMs as number) > 0,
      JSON.stringify(server),
    );
  }
  const csv = readFileSync(join(out, 'r.csv'), 'utf8').split('\n');
  assert.match(csv[0] as string, /^Concurrency,Inferences\/Second,Client Send,Network\+Server Send\/Recv,/);
  assert.deepEqual(
    csv.slice(1, 3).map((line) => line.split(',')[0]),
    ['1', '4'],
  );
  const page = readFileSync(join(out, 'r.html'), 'utf8');
  assert.match(page, /^<!doctype html>.*<h1>sluice bench: iris x1<\/h1>.*concurrency 4.*<\/html>\n$/s);
  assert.equal(page.match(/<svg class="chart"/g)?.length, 6);
});

test('an open loop of several sizes, with --json on standard output and nothing else there', async (t) => {
  const { address } = await useGateway(t, { modelRepository: [EXAMPLES] });
  const { code, stdout, stderr } = await runCli([
    'bench',
    ...[
      '--mix',
      'iris:weight=3',
      '--mix',
      'iris:rows=4',
      '--rate',
      '100',
      '--max-calls',
      '30',
      '--duration',
      '2s',
    ],
    ...['--address', address, '--warmup', '0', '--json'],
  ]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const { templates, measurements } = readReport(stdout);
  assert.deepEqual(
    templates.map(({ name }) => name),
    ['iris x1', 'iris x4'],
  );
  assert.ok((measurements[0]?.result.counts.ok as number) >= 20);
});

test('--assert decides the exit code, a void run fails it, and wrong answers are found', async (t) => {
  const { address } = await useGateway(t, { modelRepository: [EXAMPLES] });
  const common = ['bench', 'iris', '--address', address, '--duration', '500ms', '--warmup', '100ms'];
  const held = await runCli([...common, '--quiet', '--json', '-', '--assert', 'rate>1,p99<60s,errors=0']);
  const isVoid = readReport(held.stdout).measurements[0]?.result.void !== undefined;
  // A machine that is busy with other things may void the run: then, and only then, it fails, and says why.
  assert.equal(held.code, isVoid ? 1 : 0, held.stderr);
  assert.equal(/is void/.test(held.stderr), isVoid);

  const failed = await runCli([...common, '--quiet', '--assert', 'rate>1e9']);
  assert.deepEqual([failed.code, failed.stdout], [1, '']);
  assert.match(failed.stderr, /assertion failed: rate>1e9: rate is [\d.]+ at concurrency 1/);

  const out = folder(t);
  writeFileSync(join(out, 'x.csv'), 'a,b,c,d\n5.1,3.5,1.4,0.2\n');
  writeFileSync(join(out, 'y.json'), '{"label": [2]}');
  const files = ['--data', join(out, 'x.csv'), '--expect', join(out, 'y.json')];
  const wrong = await runCli([...common, ...files, '--assert', 'wrong=0']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /wrong=0: wrong is 100% at concurrency 1/);
  assert.match(wrong.stdout, /Some of what went wrong:\n {2}.*label/);
});

test('exit codes: 2 for the command line with every fault, 69 when nobody is there, 1 for an unknown model', async (t) => {
  const { address } = await useGateway(t, { modelRepository: [EXAMPLES] });
  const usage = await runHere(['bench', 'iris', '--duration', '5', '--seed', 'x', '--assert', 'p98<1ms']);
  assert.deepEqual([usage.code, usage.stdout], [2, '']);
  for (const wanted of [/--duration is "5"/, /--seed is "x"/, /column 1: "p98" is no figure/])
    assert.match(usage.stderr, wanted);
  const nobody = await runHere(['bench', 'iris', '--address', '127.0.0.1:9']);
  assert.equal(nobody.code, 69, nobody.stderr);
  const tfs = ['bench', 'm', '--service', 'tfs', '--input', 'x:FP32:-1,4', '--address', '127.0.0.1:9'];
  const nobodyElse = await runHere(tfs);
  assert.equal(nobodyElse.code, 69, nobodyElse.stderr);
  assert.equal((await runHere(['bench', 'nope', '--address', address])).code, 1);
});

test('--compare reads two reports and says what changed', async (t) => {
  const out = folder(t);
  const write = (name: string, ms: number): string => {
    const measurements = Array.from({ length: 7 }, (_, repetition) =>
      fakeMeasurement({ latenciesMs: [ms + repetition / 1000] }, { repetition }),
    );
    const path = join(out, name);
    writeFileSync(path, JSON.stringify(fakeReport(measurements)));
    return path;
  };
  const [a, b] = [write('a.json', 10), write('b.json', 12)];
  const { code, stdout, stderr } = await runHere(['bench', '--compare', a, b]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /concurrency 1 +p50 +10\.0 ms +12\.0 ms +\+20% +\+20% to \+20% +7 +WORSE/);
  assert.match(stdout, /answers\/s +1\.00 +1\.00 +0% +0% to 0% +7 +no change/);
  const json = await runHere(['bench', '--compare', a, b, '--json']);
  assert.equal(JSON.parse(json.stdout).comparisons[1].verdict, 'worse');
  assert.equal((await runHere(['bench', '--compare', a])).code, 2);
  const missing = await runHere(['bench', '--compare', a, join(out, 'c.json')]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /Cannot read the report .*c\.json: ENOENT/);
});

test('--help teaches, and fits', async () => {
  const { code, stdout } = await runHere(['bench', '--help']);
  assert.equal(code, 0);
  for (const wanted of [
    /sluice bench iris --find-max-rate --p99 20ms/,
    /Load \(one of\):/,
    /--against/,
    /69 +no server/,
  ])
    assert.match(stdout, wanted);
  assert.doesNotMatch(stdout, /concurrency-range/);
  assert.ok(
    stdout.split('\n').every((line) => line.length <= 120),
    'lines are cut to the terminal',
  );
});
