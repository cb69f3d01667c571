import type { Arrivals, Target } from './contract.js';
import { FlagReader, type RawFlags } from './flag-reader.js';
import { type MixEntry, parseMix } from './mix.js';
import { type LoadChoice, readLoad } from './options-load.js';
import { BenchUsageError } from './usage-error.js';

/** A tensor declared by hand, for servers that cannot be asked. */
export interface DeclaredInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** Where samples come from. */
export type DataChoice =
  | { readonly kind: 'random' | 'zeros' }
  | { readonly kind: 'files'; readonly files: readonly DataFile[] };

export interface DataFile {
  readonly path: string;
  /** The input that the whole file is for; undefined: the only one, or as the file names them. */
  readonly input?: string | undefined;
}

/** What `sluice bench` was asked to measure, checked. Milliseconds throughout. */
export interface BenchOptions {
  readonly target: Target;
  /** A second server that is measured in turn with the first. */
  readonly against: Target | undefined;
  readonly service: 'oip' | 'tfs';
  readonly signatureName: string;
  readonly inputs: readonly DeclaredInput[];
  readonly mix: readonly MixEntry[];
  readonly load: LoadChoice;
  readonly data: DataChoice;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly range: readonly [number, number] | undefined;
  /** Bodies made for random data. */
  readonly bodies: number;
  readonly expect: string | undefined;
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly maxCalls: number | undefined;
  readonly deadlineMs: number | undefined;
  readonly drainMs: number;
  readonly connections: number;
  readonly streams: number;
  readonly processes: number;
  readonly seed: number;
  readonly repeat: number;
  readonly metadata: readonly (readonly [string, string])[];
  readonly metricsUrl: string | undefined;
}

const DEFAULT_STREAMS = 100;
const DEFAULT_OPEN_CONNECTIONS = 4;

/** Checks all flags and answers what they mean. Throws BenchUsageError with every fault found. */
export function readOptions(model: string | undefined, flags: RawFlags): BenchOptions {
  const read = new FlagReader(flags);
  const durationMs = read.duration('duration') ?? 5000;
  const deadlineMs = read.duration('deadline');
  const load = readLoad(read);
  const streams = read.integer('streams') ?? DEFAULT_STREAMS;
  const processes = read.integer('processes', 1, 64) ?? 1;
  const concurrency = load.kind === 'sweep' ? Math.max(...load.points.map(concurrencyOf)) : 0;
  const service = read.choice('service', ['oip', 'tfs']) ?? 'oip';
  const options: BenchOptions = {
    target: read.target('address') ?? { host: 'localhost', port: 8001 },
    against: read.target('against'),
    service,
    signatureName: read.text('signature') ?? 'serving_default',
    inputs: read.each(
      'input',
      parseInput,
      'name:DATATYPE:dims, e.g. x:FP32:-1,4 (-1 first is the batch dimension)',
    ),
    mix: readMix(read, model),
    load,
    data: readData(read),
    shapes: new Map(
      read.each('shape', parseShape, 'name:dims without the batch dimension, e.g. image:3,224,224'),
    ),
    range: read.parsed('range', parseNumberRange, 'low:high, e.g. -1:1'),
    bodies: read.integer('bodies', 1, 10_000) ?? 16,
    expect: read.text('expect'),
    tolerance: read.parsed(
      'tolerance',
      parseTolerance,
      'absolute,relative, two numbers from 0, e.g. 1e-6,1e-5',
    ) ?? {
      absolute: 1e-6,
      relative: 1e-5,
    },
    warmupMs: read.duration('warmup', { zero: true }) ?? 1000,
    durationMs,
    maxCalls: read.integer('maxCalls'),
    deadlineMs,
    drainMs: read.duration('drain') ?? (deadlineMs === undefined ? 10_000 : deadlineMs + 1000),
    connections:
      read.integer('connections', 1, 10_000) ??
      (concurrency > 0 ? Math.ceil(concurrency / processes / streams) : DEFAULT_OPEN_CONNECTIONS),
    streams,
    processes,
    seed: read.integer('seed', 0, 2 ** 32 - 1) ?? 1,
    repeat: read.integer('repeat', 1, 1000) ?? 1,
    metadata: read.each('header', parseHeader, 'name:value in ASCII, e.g. x-tenant:a'),
    metricsUrl: read.parsed('metricsUrl', parseUrl, 'an http URL, e.g. http://localhost:8002/metrics'),
  };
  checkTogether(options, concurrency, read);
  if (read.problems.length > 0) throw new BenchUsageError(read.problems);
  return options;
}

/** What each flag alone may be, but not with the others. */
function checkTogether(options: BenchOptions, concurrency: number, read: FlagReader): void {
  const { connections, streams, processes, service, inputs, expect, data, load, against, repeat } = options;
  const open = connections * streams * processes;
  if (concurrency > open) {
    read.fault(
      `--concurrency ${concurrency} needs as many open calls; ${connections} connections x ${streams} streams x ${processes} processes allow ${open}: raise --connections or --streams`,
    );
  }
  if (service === 'tfs' && inputs.length === 0) {
    read.fault(
      '--service tfs needs the inputs, since its metadata is not asked for: e.g. --input x:FP32:-1,4',
    );
  }
  if (service === 'tfs' && expect !== undefined) {
    read.fault(
      '--expect compares answers of the Open Inference Protocol; with --service tfs it cannot be given',
    );
  }
  if (expect !== undefined && expect !== 'first' && data.kind !== 'files') {
    read.fault(
      `--expect ${expect} holds answers to given samples: give those by --data <file>, or --expect first`,
    );
  }
  if (load.kind === 'search' && (against !== undefined || repeat > 1)) {
    read.fault('--find-max-rate is one search: it goes without --against and --repeat');
  }
}

function readMix(read: FlagReader, model: string | undefined): MixEntry[] {
  const mix = read.each(
    'mix',
    parseMix,
    'model, or model:rows=8,weight=3,version=2 (each of the three may be left out)',
  );
  const rows = read.integer('rows', 1, 1_000_000);
  const version = read.text('modelVersion') ?? '';
  if (model !== undefined && mix.length > 0) {
    read.fault(`Both a model (${model}) and --mix are given; wanted one of them`);
  }
  if (model === undefined && mix.length === 0 && !read.has('mix')) {
    read.fault('No model is given; wanted its name, e.g. `sluice bench iris`, or --mix');
  }
  return model === undefined
    ? mix.map((entry) => (rows === undefined || entry.rowsGiven ? entry : { ...entry, rows }))
    : [{ model, version, rows: rows ?? 1, weight: 1, rowsGiven: rows !== undefined }];
}

function readData(read: FlagReader): DataChoice {
  const given = read.texts('data');
  const [first] = given;
  if (first === undefined || first === 'random' || first === 'zeros' || first === 'zero') {
    if (given.length > 1)
      read.fault(`--data is given ${given.length} times; wanted random or zeros once, or files`);
    return { kind: first === 'zeros' || first === 'zero' ? 'zeros' : 'random' };
  }
  const files = given.map((text): DataFile => {
    const [, input, path] = /^([^=/\\]+)=(.+)$/.exec(text) ?? [];
    return input === undefined || path === undefined ? { path: text } : { input, path };
  });
  return { kind: 'files', files };
}

function concurrencyOf(arrivals: Arrivals): number {
  return arrivals.kind === 'closed' ? arrivals.concurrency : 0;
}

function parseDims(text: string): number[] | undefined {
  if (text === '') return [];
  const dims = text.split(',').map(Number);
  return dims.every((dim) => Number.isSafeInteger(dim) && dim >= -1) ? dims : undefined;
}

function parseShape(text: string): [string, number[]] | undefined {
  const colon = text.lastIndexOf(':');
  const dims = colon <= 0 ? undefined : parseDims(text.slice(colon + 1));
  return dims === undefined || dims.includes(-1) ? undefined : [text.slice(0, colon), dims];
}

function parseInput(text: string): DeclaredInput | undefined {
  const [, name, datatype, dims] = /^(.+):([A-Z]+\d*):([-\d,]*)$/.exec(text) ?? [];
  const shape = dims === undefined ? undefined : parseDims(dims);
  return name === undefined || datatype === undefined || shape === undefined
    ? undefined
    : { name, datatype, shape };
}

function parseNumberRange(text: string): [number, number] | undefined {
  const [low, high, ...more] = text.split(':').map((part) => (part === '' ? Number.NaN : Number(part)));
  if (low === undefined || high === undefined || more.length > 0) return undefined;
  return low <= high ? [low, high] : undefined;
}

function parseTolerance(text: string): { absolute: number; relative: number } | undefined {
  const [absolute, relative, ...more] = text
    .split(',')
    .map((part) => (part === '' ? Number.NaN : Number(part)));
  if (absolute === undefined || relative === undefined || more.length > 0) return undefined;
  return absolute >= 0 && relative >= 0 ? { absolute, relative } : undefined;
}

function parseHeader(text: string): [string, string] | undefined {
  const [, name, value] = /^([a-z0-9_.-]+):\s*([\x20-\x7e]*)$/i.exec(text) ?? [];
  return name === undefined || value === undefined ? undefined : [name.toLowerCase(), value];
}

function parseUrl(text: string): string | undefined {
  return URL.canParse(text) && /^https?:/.test(text) ? text : undefined;
}
