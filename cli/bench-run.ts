import { readFile, writeFile } from 'node:fs/promises';
import { type Assertion, checkAssertions } from '../bench/assertions.js';
import type { RunLoad } from '../bench/contract.js';
import type { BenchOptions } from '../bench/options.js';
import { reportCsv } from '../bench/report/csv.js';
import { type BenchReport, measurementName, REPORT_FORMAT } from '../bench/report/document.js';
import { ms, number, percent } from '../bench/report/format.js';
import { reportHtml } from '../bench/report/html.js';
import { type BenchDependencies, noteSettings, noteTemplates, runBench } from '../bench/run-bench.js';
import { makeTemplates } from '../bench/targets/templates.js';
import { LiveView } from './bench-live.js';
import { addressText, serverName, thisMachine, watchServer, withSources } from './bench-outside.js';
import { reportText } from './bench-text.js';
import { CliError, EXIT, type ExitCode } from './exit-code.js';
import type { Io } from './io.js';

/** Where the report goes, beside the terminal. */
export interface BenchOutputs {
  readonly csv?: string | undefined;
  /** A path, or `-` for standard output, which then gets nothing else. */
  readonly json?: string | undefined;
  readonly html?: string | undefined;
  readonly quiet: boolean;
}

export interface BenchRun {
  readonly options: BenchOptions;
  readonly outputs: BenchOutputs;
  readonly assertions: readonly Assertion[];
  /** As typed. */
  readonly command: string;
  readonly runLoad: RunLoad;
}

/** Measures, reports, asserts. Answers the exit code; rejects when nothing could be measured. */
export async function benchAndReport(run: BenchRun, io: Io): Promise<ExitCode> {
  const { options, outputs, assertions } = run;
  const stop = new AbortController();
  // The first Ctrl-C ends the run and reports what there is; the second one, unhandled, ends the process.
  const interrupt = (): void => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt);
  try {
    const report = await buildReport(run, stop.signal, io);
    await writeOutputs(report, outputs, io);
    const failures = assertions.length === 0 ? [] : checkAssertions(assertions, report);
    if (failures.length > 0)
      io.err(`${failures.map((failure) => `sluice: assertion failed: ${failure}\n`).join('')}`);
    const proven = options.load.kind !== 'search' || report.search?.maxRatePerS != null;
    return failures.length > 0 || stop.signal.aborted || !proven ? EXIT.failed : EXIT.ok;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function buildReport(run: BenchRun, signal: AbortSignal, io: Io): Promise<BenchReport> {
  const { options } = run;
  const startedAt = new Date().toISOString();
  const templates = await withSources(options, (sources) => makeTemplates(options, sources));
  const server = await serverName(options);
  const scrapes: string[] = [];
  const models = options.mix.map(({ model }) => model);
  const outcome = await runBench(options, templates, {
    runLoad: run.runLoad,
    readText: (path) => readFile(path, 'utf8'),
    watch: options.metricsUrl === undefined ? undefined : watchServer(options.metricsUrl, models, scrapes),
    signal,
    now: () => new Date(),
    ...liveCallbacks(run, io),
  }).catch(unreachable);
  return {
    format: REPORT_FORMAT,
    startedAt,
    command: run.command,
    machine: thisMachine(),
    address: addressText(options.target),
    against: options.against === undefined ? null : addressText(options.against),
    server,
    service: options.service,
    templates: noteTemplates(templates),
    settings: noteSettings(options),
    measurements: outcome.measurements,
    search: outcome.search,
    warnings: [...outcome.warnings, ...scrapes],
  };
}

/** The generator says so in words: it connects without the client. */
function unreachable(error: unknown): never {
  if (!(error instanceof Error) || !error.message.startsWith('Cannot reach ')) throw error;
  throw new CliError(EXIT.unreachable, 'UNAVAILABLE', error.message, 'Is the server running there?');
}

type Callbacks = Pick<BenchDependencies, 'onBegin' | 'onEnd' | 'onProgress'>;

/** Nothing is shown while it runs when standard output is for a program, or silence was asked for. */
function liveCallbacks({ outputs }: BenchRun, io: Io): Callbacks {
  if (outputs.quiet || outputs.json === '-') return {};
  const live = new LiveView({
    write: io.err,
    terminal: io.errIsTerminal ?? false,
    columns: io.columns,
    now: () => performance.now(),
  });
  return {
    onBegin: ({ step, side, plan }, place) => {
      const label = side === 'against' ? `${step} (against)` : step;
      live.begin({ label, ...place, warmupMs: plan.warmupMs, durationMs: plan.durationMs });
    },
    onProgress: (progress) => live.progress(progress),
    onEnd: (measurement) => {
      const { figures, result } = measurement;
      const what = `${number(figures.okPerS)}/s, p50 ${ms(figures.p50Ms)}, p99 ${ms(figures.p99Ms)}, goodput ${percent(figures.goodput)}`;
      const bad = result.void === undefined ? '' : `  VOID: ${result.void}`;
      live.note(`${measurementName(measurement)}: ${what}${bad}`);
    },
  };
}

async function writeOutputs(report: BenchReport, outputs: BenchOutputs, io: Io): Promise<void> {
  const { csv, json, html, quiet } = outputs;
  if (json === '-') io.out(`${JSON.stringify(report)}\n`);
  else if (!quiet) io.out(`\n${reportText(report)}`);
  const files: [string | undefined, () => string][] = [
    [csv, () => reportCsv(report)],
    [json === '-' ? undefined : json, () => `${JSON.stringify(report)}\n`],
    [html, () => reportHtml(report)],
  ];
  for (const [path, render] of files) {
    if (path === undefined) continue;
    try {
      await writeFile(path, render());
    } catch (error) {
      throw new CliError(EXIT.failed, 'INTERNAL', `Cannot write ${path}: ${(error as Error).message}`);
    }
  }
}
