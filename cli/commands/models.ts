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

/** An entry of the index, with its signature where that was asked for and can be had. */
type Described = ModelIndexEntry & Partial<Pick<ModelMetadata, 'inputs' | 'outputs'>>;

/** `sluice models`: the server's repository index. */
export function addModelsCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('models')
    .summary('list the models of a server')
    .description(
      'Lists every model version that the server found: those that can be called, and why others cannot.',
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
  for (const entry of await client.models()) {
    described.push(verbose && entry.state === 'READY' ? await withSignature(client, entry) : entry);
  }
  return described;
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
  const rows = models.map(({ name, version, state, reason }) => [name, version, state, reason]);
  const table = renderTable(['MODEL', 'VERSION', 'STATE', 'REASON'], rows, new Set([1]));
  const signatures = models.flatMap(({ name, version, inputs, outputs }) =>
    inputs && outputs ? [`\n${name} version ${version}\n${signatureText({ inputs, outputs })}`] : [],
  );
  return table + signatures.join('');
}
