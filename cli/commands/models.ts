import type { Command } from 'commander';
import {
  type ModelIndexEntry,
  type ModelMetadata,
  type SluiceClient,
  SluiceClientError,
} from '../../client/client.js';
import { type ServerOptions, withClient, withServerOptions } from '../client-options.js';
import type { CommandContext, Finish } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';
import { signatureText } from '../signature.js';
import { renderTable } from '../table.js';

interface ModelsOptions extends ServerOptions {
  readonly verbose?: boolean;
}

/** An entry of the index, with its memory where that is known, and its signature where that was asked for and can be had. */
type Described = ModelIndexEntry &
  Partial<Pick<ModelMetadata, 'inputs' | 'outputs'>> & { readonly memoryBytes?: number };

/** `sluice models`: the server's repository index. */
export function addModelsCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('models')
    .summary('list the models of a server')
    .description(
      'Lists every model version that the server found: those that can be called, what they take of its memory, and why others cannot.',
    )
    .option('-v, --verbose', 'with inputs and outputs');
  withServerOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice models', 'what can be called'],
        ['sluice models --verbose', 'with names, datatypes and shapes'],
        [
          `sluice models --json | jq -r '.[] | select(.state != "READY") | .reason'`,
          'what is wrong with the others',
        ],
      ]),
    )
    .action(async (options: ModelsOptions) => {
      const models = await withClient(options, (client) => listModels(client, options.verbose ?? false));
      if (options.json) io.out(`${JSON.stringify(models)}\n`);
      else io.out(models.length === 0 ? 'The server has no models.\n' : modelsText(models));
      finish(EXIT.ok);
    });
}

async function listModels(client: SluiceClient, verbose: boolean): Promise<Described[]> {
  const described: Described[] = [];
  const entries = await client.models();
  const memory = await memoryOf(client);
  for (const entry of entries) {
    const full = verbose && entry.state === 'READY' ? await withSignature(client, entry) : entry;
    const memoryBytes = memory.get(`${entry.name}/${entry.version}`);
    described.push(memoryBytes === undefined ? full : { ...full, memoryBytes });
  }
  return described;
}

/** Empty for a server that has no statistics: the list is still worth having. */
async function memoryOf(client: SluiceClient): Promise<ReadonlyMap<string, number>> {
  try {
    return await client.modelMemory();
  } catch (error) {
    if (error instanceof SluiceClientError && !error.unreachable) return new Map();
    throw error;
  }
}

async function withSignature(client: SluiceClient, entry: ModelIndexEntry): Promise<Described> {
  try {
    const { inputs, outputs } = await client.modelMetadata(entry.name, { version: entry.version });
    return { ...entry, inputs, outputs };
  } catch (error) {
    // It may have been unloaded since the index was made; the rest of the list is still worth having.
    if (error instanceof SluiceClientError && !error.unreachable) return entry;
    throw error;
  }
}

function modelsText(models: readonly Described[]): string {
  // Without a column where the server tells nothing of it.
  const told = models.some(({ memoryBytes }) => memoryBytes !== undefined);
  const rows = models.map(({ name, version, state, memoryBytes, reason }) => [
    ...[name, version, state],
    ...(told ? [inMiB(memoryBytes)] : []),
    reason,
  ]);
  const headers = ['MODEL', 'VERSION', 'STATE', ...(told ? ['MEMORY'] : []), 'REASON'];
  const table = renderTable(headers, rows, new Set(told ? [1, 3] : [1]));
  const signatures = models.flatMap(({ name, version, inputs, outputs }) =>
    inputs && outputs ? [`\n${name} version ${version}\n${signatureText({ inputs, outputs })}`] : [],
  );
  return table + signatures.join('');
}

function inMiB(bytes: number | undefined): string {
  return bytes === undefined ? '' : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
