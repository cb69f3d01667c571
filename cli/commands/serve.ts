import type { Command } from 'commander';
import type { CommandContext, Finish } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';

const USAGE = `Usage: sluice serve [model or repository…] [options]

Serves every model below the given folders until SIGTERM or Ctrl-C; requests in flight then finish. A path may be a
repository (<model>/<version>/model.onnx), one model's folder, or an ONNX file.

`;

const EXAMPLES = helpFooter([
  ['sluice serve examples', 'every model below a folder'],
  ['sluice serve ./model.onnx', 'one file, as model `model` version 1'],
  ['sluice serve --model-repository /models --grpc-address 0.0.0.0', 'for other machines too'],
  ['sluice config --model-repository /models', 'see what these flags come to, without serving'],
]);

/** `sluice serve --help`; without it, cli/main serves before this program is loaded. */
export function addServeCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  addRawCommand(program, 'serve')
    .argument('[path...]')
    .summary('serve models over gRPC')
    .action(async () => {
      const { renderFlagsHelp } = await import('../../gateway/config/flags-help.js');
      io.out(`${USAGE}${renderFlagsHelp(io.columns)}${EXAMPLES}\n`);
      finish(EXIT.ok);
    });
}

/** A command whose arguments commander leaves alone; its help lists them under `sluice <name> --help`. */
export function addRawCommand(program: Command, name: string): Command {
  return program
    .command(name)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .usage('[options]');
}
