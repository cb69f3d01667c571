import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawFlags } from '../../../bench/flag-reader.js';
import { parseMix } from '../../../bench/mix.js';
import { type BenchOptions, readOptions } from '../../../bench/options.js';
import { parseDuration, parseRange } from '../../../bench/ranges.js';
import { parseSteps, readIntervals, readTrace, stepsTrace } from '../../../bench/trace.js';
import { BenchUsageError } from '../../../bench/usage-error.js';

test('durations need their unit', () => {
  const table: readonly [text: string, ms: number | undefined][] = [
    ['10s', 10_000],
    ['500ms', 500],
    ['1.5m', 90_000],
    ['250us', 0.25],
    ['1h', 3_600_000],
    ['10', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['', undefined],
  ];
  for (const [text, ms] of table) assert.equal(parseDuration(text), ms, text);
});

test('ranges: numbers, lists, steps and factors', () => {
  const table: readonly [text: string, values: number[] | undefined][] = [
    ['8', [8]],
    ['1,4,2', [1, 4, 2]],
    ['1:4', [1, 2, 3, 4]],
    ['10:40:10', [10, 20, 30, 40]],
    ['10:45:10', [10, 20, 30, 40]],
    ['0.1:0.3:0.1', [0.1, 0.2, 0.3]],
    ['1:16:2x', [1, 2, 4, 8, 16]],
    ['1:20:2x', [1, 2, 4, 8, 16, 20]],
    ['5:5:2x', [5]],
    ['4:1', undefined],
    ['1:4:0', undefined],
    ['1:4:1x', undefined],
    ['1:2:3:4', undefined],
    ['1,,2', undefined],
    ['a', undefined],
    ['0', undefined],
    ['1:1e9', undefined],
  ];
  for (const [text, values] of table) assert.deepEqual(parseRange(text), values, text);
});

const options = (flags: RawFlags, model: string | undefined = 'iris'): BenchOptions =>
  readOptions(model, flags);

/** The problems of a command line that is refused. */
function problems(flags: RawFlags, model: string | undefined = 'iris'): readonly string[] {
  try {
    readOptions(model, flags);
  } catch (error) {
    assert.ok(error instanceof BenchUsageError, String(error));
    return error.problems;
  }
  return [];
}

test('nothing given is one call at a time of the model', () => {
  const { load, mix, target, durationMs, connections, data } = options({});
  assert.deepEqual(load, { kind: 'sweep', points: [{ kind: 'closed', concurrency: 1 }] });
  assert.deepEqual(mix, [{ model: 'iris', version: '', rows: 1, weight: 1, rowsGiven: false }]);
  assert.deepEqual(
    { target, durationMs, connections, data },
    {
      target: { host: 'localhost', port: 8001 },
      durationMs: 5000,
      connections: 1,
      data: { kind: 'random' },
    },
  );
});

test('loads', () => {
  const table: readonly [flags: RawFlags, load: object][] = [
    [
      { concurrency: '1,300' },
      { kind: 'sweep', points: [1, 300].map((concurrency) => ({ kind: 'closed', concurrency })) },
    ],
    [
      { rate: '100:200:100' },
      { kind: 'sweep', points: [100, 200].map((ratePerS) => ({ kind: 'poisson', ratePerS })) },
    ],
    [
      { rate: '5', arrivals: 'constant' },
      { kind: 'sweep', points: [{ kind: 'constant', ratePerS: 5 }] },
    ],
    [
      { rate: '5', arrivals: 'bursts:200ms,1s' },
      { kind: 'sweep', points: [{ kind: 'bursts', ratePerS: 5, onMs: 200, offMs: 1000 }] },
    ],
    [
      { steps: '10x1s,20x500ms' },
      {
        kind: 'steps',
        arrivals: 'poisson',
        steps: [
          { ratePerS: 10, lengthMs: 1000 },
          { ratePerS: 20, lengthMs: 500 },
        ],
      },
    ],
    [{ trace: 'a.txt' }, { kind: 'trace', path: 'a.txt' }],
    [{ requestIntervals: 'a.txt' }, { kind: 'intervals', path: 'a.txt' }],
    [
      { findMaxRate: true, p99: '20ms' },
      { kind: 'search', percentile: 0.99, boundMs: 20, startRatePerS: 100, maxSteps: 20, resolution: 0.05 },
    ],
    [
      { findMaxRate: true, p999: '1s', rate: '50', maxSteps: '5', resolution: '1%' },
      { kind: 'search', percentile: 0.999, boundMs: 1000, startRatePerS: 50, maxSteps: 5, resolution: 0.01 },
    ],
  ];
  for (const [flags, load] of table) assert.deepEqual(options(flags).load, load);
  assert.equal(
    options({ concurrency: '1,300' }).connections,
    3,
    'as few connections as the concurrency needs',
  );
});

test('a mix, with --rows for those that name none', () => {
  const { mix } = readOptions(undefined, { mix: ['iris:weight=9', 'big:rows=4,version=2'], rows: '8' });
  assert.deepEqual(
    mix.map(({ model, version, rows, weight }) => [model, version, rows, weight]),
    [
      ['iris', '', 8, 9],
      ['big', '2', 4, 1],
    ],
  );
  for (const bad of [
    '',
    ':rows=1',
    'm:rows=0',
    'm:rows=1.5',
    'm:speed=1',
    'm:weight=0',
    'm:rows=1,rows=2',
    'm:',
  ])
    assert.equal(parseMix(bad), undefined, bad);
});

test('addresses, files, shapes and headers', () => {
  const read = options({
    address: '[::1]:9',
    data: ['a=x.npy', 'b=y.json'],
    shape: ['image:3,224,224'],
    header: ['X-Tenant: a b'],
    input: ['x:FP32:-1,4', 's:BYTES:'],
    range: '-1:1',
    tolerance: '0,1e-3',
  });
  assert.deepEqual(read.target, { host: '::1', port: 9 });
  assert.deepEqual(read.data, {
    kind: 'files',
    files: [
      { input: 'a', path: 'x.npy' },
      { input: 'b', path: 'y.json' },
    ],
  });
  assert.deepEqual([...read.shapes], [['image', [3, 224, 224]]]);
  assert.deepEqual(read.metadata, [['x-tenant', 'a b']]);
  assert.deepEqual(read.inputs, [
    { name: 'x', datatype: 'FP32', shape: [-1, 4] },
    { name: 's', datatype: 'BYTES', shape: [] },
  ]);
  assert.deepEqual([read.range, read.tolerance], [[-1, 1], { absolute: 0, relative: 1e-3 }]);
  assert.deepEqual(options({ data: ['./dir/a=b.json'] }).data, {
    kind: 'files',
    files: [{ path: './dir/a=b.json' }],
  });
});

test('each fault names the flag, what was given, and what was wanted', () => {
  const table: readonly [flags: RawFlags, message: RegExp, model?: string | undefined][] = [
    [{ duration: '10' }, /--duration is "10"; wanted a time with its unit/],
    [{ duration: '0s' }, /--duration is "0s"/],
    [{ concurrency: '0' }, /--concurrency is "0"; wanted a number, a list/],
    [{ concurrency: '1.5' }, /--concurrency is "1\.5".*of integers/],
    [{ concurrency: '500', connections: '1' }, /1 connections x 100 streams x 1 processes allow 100/],
    [{ concurrency: '1', rate: '5' }, /--concurrency and --rate are given; wanted one kind of load/],
    [{ arrivals: 'poisson' }, /--arrivals says how calls of --rate/],
    [{ rate: '5', arrivals: 'bursts:1s' }, /--arrivals is "bursts:1s"; wanted poisson, constant, or bursts/],
    [{ findMaxRate: true }, /--find-max-rate has 0 bounds; wanted exactly one of --p50/],
    [{ findMaxRate: true, p99: '1ms', p50: '1ms' }, /has 2 bounds/],
    [{ findMaxRate: true, p99: '1ms', concurrency: '4' }, /--concurrency cannot be given with it/],
    [{ findMaxRate: true, p99: '1ms', arrivals: 'constant' }, /wants poisson, as MLPerf/],
    [{ findMaxRate: true, p99: '1ms', repeat: '3' }, /without --against and --repeat/],
    [{ p99: '20ms' }, /write --assert 'p99<20ms'/],
    [{ address: 'http://x' }, /--address is "http:\/\/x"; wanted host:port/],
    [{ address: 'x:99999' }, /--address/],
    [{ service: 'rest' }, /--service is "rest"; wanted one of oip, tfs/],
    [{ service: 'tfs' }, /--service tfs needs the inputs/],
    [{ service: 'tfs', input: ['x:FP32:4'], expect: 'first' }, /with --service tfs it cannot/],
    [{ expect: 'a.json' }, /holds answers to given samples/],
    [{ shape: ['x'] }, /--shape is "x"; wanted name:dims/],
    [{ shape: ['x:-1'] }, /--shape is "x:-1"/],
    [{ input: ['x:4'] }, /--input is "x:4"/],
    [{ header: ['novalue'] }, /--header is "novalue"/],
    [{ metricsUrl: 'file:///etc/passwd' }, /--metrics-url is .*; wanted an http URL/],
    [{ data: ['random', 'a.json'] }, /--data is given 2 times/],
    [{ processes: '1000' }, /--processes is "1000"; wanted an integer from 1 to 64/],
    [{ mix: ['a'] }, /Both a model \(iris\) and --mix/],
  ];
  for (const [flags, message] of table) assert.match(problems(flags).join('\n'), message);
  assert.match(
    (() => {
      try {
        readOptions(undefined, {});
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    })(),
    /No model is given/,
  );
});

test('all faults are shown at once', () => {
  assert.equal(problems({ duration: '1', warmup: 'x', seed: '-1', tolerance: '1' }).length, 4);
});

test('traces: instants with or without unit, ascending', () => {
  assert.deepEqual(readTrace('# start\n0\n12.5\n\n1s # later\n1.5s\n'), [0, 12.5, 1000, 1500]);
  assert.throws(() => readTrace('5\nten\n'), /line 2 is "ten"; wanted an instant in milliseconds/);
  assert.throws(() => readTrace('5\n4\n'), /instant 2 \(4 ms\) is before the one above it/);
  assert.throws(() => readTrace('\n#\n'), /it is empty/);
});

test("perf_analyzer's intervals are microseconds, and repeat", () => {
  // The example of its documentation: 0.1 s, 0.3 s, 0.8 s, 0.9 s, 1.1 s, …
  assert.deepEqual(readIntervals('100000\n200000\n500000\n', 1200), [100, 300, 800, 900, 1100]);
  assert.throws(() => readIntervals('0\n', 1000), /add up to nothing/);
});

test('steps change the rate of one run', () => {
  const steps = parseSteps('100x10s,1000x10s') ?? [];
  const atMs = stepsTrace(steps, 'poisson', 3);
  const first = atMs.filter((at) => at < 10_000).length;
  assert.ok(Math.abs(first - 1000) < 130, `${first} of about 1000`);
  assert.ok(Math.abs(atMs.length - first - 10_000) < 400, `${atMs.length - first} of about 10000`);
  assert.ok(atMs.every((at, i) => at >= 0 && at < 20_000 && at >= (atMs[i - 1] ?? 0)));
  assert.deepEqual(stepsTrace(steps, 'poisson', 3), atMs);
  assert.deepEqual(stepsTrace([{ ratePerS: 4, lengthMs: 1000 }], 'constant', 1), [0, 250, 500, 750]);
  for (const bad of ['100', '100x', 'x5s', '100x5', '100x5s,']) assert.equal(parseSteps(bad), undefined, bad);
});
