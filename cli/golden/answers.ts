import type { JsonTensor, PredictInputs, SluiceClient } from '../../client/client.js';
import { SluiceClientError } from '../../client/client.js';
import { CliError, EXIT } from '../exit-code.js';

/** Inputs of one row, and where it is from. */
export interface AskedRow {
  readonly line: number;
  readonly inputs: Readonly<Record<string, JsonTensor>>;
}

/** What a server answered, and which version of the model did. */
export interface RecordedAnswers {
  readonly version: string;
  /** Outputs by name, for each row. */
  readonly outputs: readonly Readonly<Record<string, JsonTensor>>[];
}

/** Calls that are open at once: a server that collects batches is not waited for row by row. */
const OPEN_CALLS = 16;

/** Asks a server row by row, all of the version that answered the first. Rejects with the line of a row that is refused. */
export async function askRows(
  client: SluiceClient,
  name: string,
  version: string | undefined,
  rows: readonly AskedRow[],
): Promise<RecordedAnswers> {
  const ask = async ({ line, inputs }: AskedRow, of: string | undefined) => {
    try {
      return await client.model(name, { version: of }).predict(inputs as PredictInputs);
    } catch (error) {
      if (!(error instanceof SluiceClientError) || error.unreachable) throw error;
      throw new CliError(EXIT.failed, error.code, `line ${line}: ${error.code}: ${error.message}`);
    }
  };
  const [first, ...rest] = rows;
  const answers = [await ask(first as AskedRow, version)];
  // Not what is newest meanwhile: golden answers are those of one version.
  const same = answers[0]?.version as string;
  for (let at = 0; at < rest.length; at += OPEN_CALLS)
    answers.push(...(await Promise.all(rest.slice(at, at + OPEN_CALLS).map((row) => ask(row, same)))));
  return {
    version: same,
    outputs: answers.map(({ outputs }) =>
      Object.fromEntries(Object.entries(outputs).map(([output, { data }]) => [output, data])),
    ),
  };
}
