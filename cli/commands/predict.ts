import type { Command } from 'commander';
import {
  type ModelMetadata,
  type Prediction,
  type SluiceClient,
  SluiceClientError,
} from '../../client/client.js';
import { type ServerOptions, withClient, withServerOptions } from '../client-options.js';
import type { CommandContext, Finish } from '../command-context.js';
import { CliError, EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';
import { signatureOf } from '../known-model.js';
import { nameInput, readInput } from '../predict-input.js';
import { areRows, featuresOf, readGivenRows } from '../predict-rows.js';
import { predictionText } from '../prediction-text.js';
import { signatureText } from '../signature.js';

interface PredictOptions extends ServerOptions {
  readonly input?: string;
  readonly inputFile?: string;
  readonly csv?: boolean;
  readonly version?: string;
  readonly output?: readonly string[];
  readonly requestId?: string;
}

/** `sluice predict`: one inference request. */
export function addPredictCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('predict')
    .summary('ask a model')
    .description(
      'Sends one inference request. Values are JSON: a row, a list of rows, records with a value for each column by name, ' +
        'or nested lists and {"shape": […], "data": […]}; a model with several inputs takes an object by name. Or they are CSV, with ' +
        'a line of column names or without. Datatypes come from the server. In nested lists integers beyond 2^53 are written as text, ' +
        'and so are "NaN", "Infinity" and "-Infinity".',
    )
    .argument('<model>', 'name of the model')
    .option('-i, --input <json>', 'values, as JSON')
    .option(
      '-f, --input-file <path>',
      'file with the values, CSV where it is called so; - reads standard input',
    )
    .option('--csv', 'the values are CSV, whatever the file is called')
    .option('--version <number>', 'version of the model, or a label; without it the server chooses')
    .option('-o, --output <name>', 'an output that is wanted (repeatable); without it all', collect)
    .option('--request-id <text>', "id that the answer and the server's logs carry");
  withServerOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ["sluice predict iris --input '[[5.1, 3.5, 1.4, 0.2]]'", 'one row, for the only input'],
        [
          `sluice predict iris --input '{"X": [[5.1, 3.5, 1.4, 0.2], [6.7, 3, 5.2, 2.3]]}'`,
          'two rows, by name',
        ],
        [
          `sluice predict iris --input '{"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal length (cm)": 1.4, "petal width (cm)": 0.2}'`,
          'a record, by the names of its features',
        ],
        ['sluice predict iris --input-file flowers.csv', 'rows of a CSV file'],
        ['sluice predict iris --input-file rows.json --version 1 --output label --json', 'for a script'],
        [`jq '.rows[:5]' examples/iris/predictions.json | sluice predict iris --input-file -`, 'from a pipe'],
      ]),
    )
    .action(async (model: string, options: PredictOptions) => {
      const result = await withClient(options, (client) => predict(client, model, options, io));
      io.out(options.json ? `${JSON.stringify(result)}\n` : predictionText(result));
      finish(EXIT.ok);
    });
}

async function predict(
  client: SluiceClient,
  name: string,
  options: PredictOptions,
  io: CommandContext['io'],
): Promise<Prediction> {
  const { version, output: outputs, requestId } = options;
  const given = await readInput(options, io);
  const metadata = await signatureOf(client, { name, version });
  const inputs = areRows(given, metadata)
    ? readGivenRows(given, metadata, await featuresOf(client, metadata, version))
    : nameInput(given, metadata);
  try {
    return await client.model(name, { version }).predict(inputs, { outputs, requestId });
  } catch (error) {
    throw explainRefused(error, metadata);
  }
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** A request that does not fit the model: shows what does. */
function explainRefused(error: unknown, model: ModelMetadata): unknown {
  if (!(error instanceof SluiceClientError) || error.code !== 'INVALID_ARGUMENT') return error;
  const hint = `Model '${model.name}' has\n${signatureText(model)}`.trimEnd();
  return new CliError(EXIT.failed, error.code, `INVALID_ARGUMENT: ${error.message}`, hint);
}
