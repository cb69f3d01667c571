import type { Command } from 'commander';
import { type HealthStatus, SluiceClientError } from '../../client/client.js';
import { type ServerOptions, withClient, withServerOptions } from '../client-options.js';
import type { CommandContext, Finish } from '../command-context.js';
import { CliError, EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';
import { printable } from '../io.js';

/** `sluice health`: one grpc.health.v1 Check. */
export function addHealthCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('health')
    .summary('ask whether a server or a model can be called')
    .description('Asks the standard gRPC health service. Exits 0 if SERVING, 1 if not, 69 if nobody answers.')
    .argument('[service]', 'name to ask for: a gRPC service, or sluice.model/<model>', '');
  withServerOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice health', 'the server as a whole'],
        ['sluice health sluice.model/iris', 'one model'],
        ['sluice health --address 10.0.0.7:8001 --timeout 1 --json', 'for a script'],
      ]),
    )
    .action(async (service: string, options: ServerOptions) => {
      const status = await withClient(options, (client) => client.health(service).catch(explain(service)));
      io.out(options.json ? `${JSON.stringify({ service, status })}\n` : `${printable(status)}\n`);
      finish(status === 'SERVING' ? EXIT.ok : EXIT.failed);
    });
}

function explain(service: string): (error: unknown) => Promise<HealthStatus> {
  return (error) => {
    if (!(error instanceof SluiceClientError) || error.code !== 'NOT_FOUND') throw error;
    const hint = 'Names are: none for the server, inference.GRPCInferenceService, and sluice.model/<model>.';
    throw new CliError(EXIT.failed, error.code, `NOT_FOUND: no health is known for '${service}'`, hint);
  };
}
