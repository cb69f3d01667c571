import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { GOLDEN_FILE, MAX_GOLDEN_LINES } from '../../gateway/core/golden.js';
import { type ServerOptions, withClient, withServerOptions } from '../client-options.js';
import type { CommandContext, Finish } from '../command-context.js';
import { CliError, EXIT, usageError } from '../exit-code.js';
import { type RecordRequest, type RecordSummary, recordGolden } from '../golden/record.js';
import { helpFooter } from '../help.js';

interface RecordOptions extends ServerOptions, Omit<RecordRequest, 'model'> {
  readonly out?: string;
  readonly force?: boolean;
}

const DESCRIPTION =
  `Makes a ${GOLDEN_FILE} of a CSV file: rows of features, and what a model must answer to them. Put beside a version's ` +
  'model.onnx, that version is served only when it answers so; otherwise it is FAILED, with row, output, got and ' +
  'wanted, and the version before it serves on. The server is asked for the names and datatypes of the model. Columns ' +
  'of expected scores are named by --output; without them the answers of the running server are recorded.';

const EXAMPLES = helpFooter([
  [
    'sluice golden record iris --csv scored.csv --output label=species --output probabilities=p0,p1,p2 --out golden.jsonl',
    'scores that the training wrote beside the features; all other columns are features',
  ],
  [
    'sluice golden record iris --csv rows.csv --version 1 --out models/iris/2/golden.jsonl',
    'what version 1 answers, held against version 2',
  ],
  [
    'sluice golden record iris --csv scored.csv --input X=sl,sw,pl,pw --output label=species --tolerance 0,1e-4 > golden.jsonl',
    'features in the order of the model, and a tolerance of its own',
  ],
]);

/** All but the line of the header. */
const MAX_ROWS = MAX_GOLDEN_LINES - 1;
const DEFAULT_ROWS = 1000;

/** `sluice golden record`: what a version must answer, from a table. */
export function addGoldenCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const golden = program
    .command('golden')
    .summary('record what a version must answer')
    .description('Golden answers: a version that carries them is served only when it gives them.');
  const record = golden
    .command('record')
    .summary('make golden answers from a CSV file')
    .description(DESCRIPTION)
    .argument('<model>', 'name of the model, as the server has it')
    .requiredOption('--csv <path>', 'rows with a line of column names; - reads standard input')
    .option('--input <name=columns>', 'columns of an input, commas between (repeatable)', collect, [])
    .option(
      '--output <name=columns>',
      'columns with the scores wanted of an output (repeatable)',
      collect,
      [],
    )
    .option('--ignore <columns>', 'columns that are neither (repeatable)', collect, [])
    .option('--version <number>', 'version of the model that is asked; without it the server chooses')
    .option(
      '--tolerance <abs,rel>',
      'how far a float may be off: abs + rel * wanted (default: 1e-6,1e-5; for FP16 1e-3,1e-2)',
      tolerance,
    )
    .option(
      '--rows <n>',
      `rows at most, from the whole of the file, up to ${MAX_ROWS}`,
      rowCount,
      DEFAULT_ROWS,
    )
    .option('--out <path>', 'file to write; without it standard output')
    .option('--force', 'overwrite the file');
  withServerOptions(record)
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, options: RecordOptions) => {
      const { out, json } = options;
      if (json && out === undefined)
        throw usageError(
          '--json prints its summary where the golden answers go: name a file for them by --out',
        );
      const { text, summary } = await withClient(options, (client) =>
        recordGolden(client, { ...options, model }, io),
      );
      if (out === undefined) {
        io.out(text);
        io.err(summaryText(summary));
      } else {
        await write(out, text, options.force === true);
        io.out(json ? `${JSON.stringify({ ...summary, out })}\n` : `${out}: ${summaryText(summary)}`);
      }
      finish(EXIT.ok);
    });
}

async function write(path: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw usageError(`${path} exists already: --force overwrites it`);
    throw new CliError(EXIT.failed, 'INTERNAL', `Cannot write ${path}: ${(error as Error).message}`);
  }
}

function summaryText({ model, version, rows, of, expected, inputs, outputs }: RecordSummary): string {
  const tensors = (named: RecordSummary['inputs']): string =>
    Object.entries(named)
      .map(([name, columns]) => (columns.length === 0 ? name : `${name}=${columns.join(',')}`))
      .join(' ');
  const from = expected === 'csv' ? 'scores of the file' : `answers of ${model} version ${version}`;
  return `${rows} of ${of} rows, ${from}\n  inputs   ${tensors(inputs)}\n  outputs  ${tensors(outputs)}\n`;
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function tolerance(text: string): RecordRequest['tolerance'] {
  const [absolute, relative, ...more] = text
    .split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const fits = (value: number | undefined): value is number => Number.isFinite(value) && Number(value) >= 0;
  if (fits(absolute) && fits(relative) && more.length === 0) return { absolute, relative };
  throw new InvalidArgumentError('Wanted two numbers from 0, e.g. 1e-6,1e-5.');
}

function rowCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MAX_ROWS) return count;
  throw new InvalidArgumentError(`Wanted an integer from 1 to ${MAX_ROWS}.`);
}
