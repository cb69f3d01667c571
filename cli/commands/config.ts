import type { Command } from 'commander';
import type { CommandContext, Finish } from '../command-context.js';
import { CliError, EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';
import { printable } from '../io.js';
import { addRawCommand } from './serve.js';

const USAGE = `Usage: sluice config [options of serve] [--json | --schema]

Prints the configuration that a server with these options would have, each setting with where it comes from: a flag,
the environment, sluice.yaml or the default. The output is a sluice.yaml itself. Lists every fault at once if there
are any.

Options:
  --json    print JSON instead: {config, sources, warnings}
  --schema  print the JSON Schema of sluice.yaml, for editors
`;

const EXAMPLES = helpFooter([
  ['sluice config', 'from ./sluice.yaml, the environment and the defaults'],
  ['SLUICE_GRPC_PORT=9001 sluice config --json', 'what a variable does'],
  ['sluice config --schema > sluice.schema.json', 'completion and checks in an editor'],
]);

/** `sluice config`: the effective configuration. */
export function addConfigCommand(program: Command, { io, rest }: CommandContext, finish: Finish): void {
  addRawCommand(program, 'config')
    .summary('print the effective configuration of a server')
    .action(async () => {
      finish(EXIT.ok);
      if (rest.includes('-h') || rest.includes('--help')) return io.out(`${USAGE}${EXAMPLES}\n`);
      if (rest.includes('--schema')) {
        const { configJsonSchema } = await import('../../gateway/config/json-schema.js');
        return io.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
      }
      const json = rest.includes('--json');
      const loaded = await load(rest.filter((arg) => arg !== '--json'));
      const { effectiveJson, effectiveYaml } = await import('../../gateway/config/effective.js');
      if (json) return io.out(effectiveJson(loaded));
      for (const warning of loaded.warnings) io.err(`sluice: warning: ${printable(warning)}\n`);
      io.out(effectiveYaml(loaded));
    });
}

async function load(argv: readonly string[]) {
  const { loadConfig } = await import('../../gateway/config/load.js');
  const { detectMachine, systemFacts } = await import('../../gateway/config/machine.js');
  const { ConfigError } = await import('../../gateway/config/problem.js');
  try {
    return loadConfig({ argv, machine: detectMachine(systemFacts()) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError(EXIT.configuration, 'CONFIGURATION', error.message);
  }
}
