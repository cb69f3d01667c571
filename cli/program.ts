import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { CommandContext, Finish } from './command-context.js';
import { addBenchCommand } from './commands/bench.js';
import { addLabelCommands } from './commands/change.js';
import { addConfigCommand } from './commands/config.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addGoldenCommand } from './commands/golden.js';
import { addHealthCommand } from './commands/health.js';
import { addHistoryCommand } from './commands/history.js';
import { addModelsCommand } from './commands/models.js';
import { addPredictCommand } from './commands/predict.js';
import { addServeCommand } from './commands/serve.js';
import { addTokenCommand } from './commands/token.js';
import { addTopCommand } from './commands/top.js';
import { addVersionsCommand } from './commands/versions.js';
import { addWhyCommand } from './commands/why.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { report } from './failure.js';
import { helpFooter } from './help.js';
import type { Io } from './io.js';

/**
 * Runs one command line (without the program's name). Answers the exit code. Never throws.
 * Serving is not among them: see cli/supervise.
 */
export async function run(given: readonly string[], io: Io): Promise<ExitCode> {
  const argv = given[0] === 'help' && given[1] !== undefined ? [given[1], '--help'] : given;
  const context: CommandContext = { io, rest: argv.slice(1) };
  let code: ExitCode = EXIT.ok;
  const finish = (result: ExitCode): void => {
    code = result;
  };
  const program = buildProgram(context, finish);
  try {
    await program.parseAsync(argv as string[], { from: 'user' });
    return code;
  } catch (error) {
    // Help and version end with 0; whatever else commander refuses is the command line's fault.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(error, argv.includes('--json'), io);
  }
}

function buildProgram(context: CommandContext, finish: Finish): Command {
  const { io } = context;
  const program = new Command('sluice')
    .description('Serves ONNX models over gRPC, and calls such a server.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ helpWidth: Math.min(io.columns, 100) })
    .showHelpAfterError('(--help shows what can be given)')
    // What follows a command's name belongs to the command: `serve` has flags that this program has too.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .addHelpText(
      'after',
      helpFooter([
        ['sluice serve examples', 'serve every model below a folder on localhost:8001'],
        ["sluice predict iris --input '[[5.1, 3.5, 1.4, 0.2]]'", 'ask the model iris'],
        ['sluice models', 'what the server has, and what it could not load'],
      ]),
    );
  for (const add of [
    addServeCommand,
    addPredictCommand,
    addModelsCommand,
    addBenchCommand,
    addConfigCommand,
    addHealthCommand,
    addGoldenCommand,
    addVersionsCommand,
    addLabelCommands,
    addHistoryCommand,
    addTopCommand,
    addDoctorCommand,
    addWhyCommand,
    addTokenCommand,
  ]) {
    add(program, context, finish);
  }
  return program;
}

/** From package.json, two levels above this file once compiled. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
