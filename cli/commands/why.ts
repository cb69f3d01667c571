import { type Command, Option } from 'commander';
import type { AdminCall } from '../../client/admin.js';
import { type AdminOptions, onEach, tellOutcomes, withAdminOptions } from '../admin/each-endpoint.js';
import type { CommandContext, Finish } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';
import { printable } from '../io.js';
import { whyText } from '../why-text.js';

interface WhyOptions extends AdminOptions {
  readonly fate?: string;
  readonly limit: string;
}

/** `sluice why`: what became of a call that failed, was refused or was slow. */
export function addWhyCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('why')
    .summary('tell what became of a call that failed, was refused or was slow')
    .description(
      'Tells why a call failed or was refused, or where a slow one spent its time: of the last that the server remembers (log.rememberedCalls of each kind). Exits 1 where it remembers none that was asked for.',
    )
    .argument('[id]', 'how its request id or trace id begins; the latest without it', '')
    .addOption(new Option('--fate <fate>', 'only these').choices(['failed', 'refused', 'slow']))
    .option('--limit <n>', 'most calls to tell of', '5');
  withAdminOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice why 4f1c', 'the calls whose request id or trace id begins with 4f1c'],
        ['sluice why --fate refused', 'the latest that were turned away'],
        ['sluice why --limit 100 --json', 'the latest of all, for a script'],
      ]),
    )
    .action(async (id: string, options: WhyOptions) => {
      const { fate = '', limit } = options;
      const outcomes = await onEach(options, async (client) => ({
        calls: await client.calls({ id, fate, limit: Number(limit) || 5 }),
      }));
      const [first] = outcomes;
      if (outcomes.length === 1 && first !== undefined && 'error' in first) throw first.error;
      const line = (endpoint: string, said: string) =>
        outcomes.length === 1 ? said : `${printable(endpoint)}:\n${said}`;
      const none =
        id === '' ? 'None is remembered.\n' : `None whose id begins with ${printable(id)} is remembered.\n`;
      const text = ({ calls }: { readonly calls: readonly AdminCall[] }) =>
        calls.length === 0 ? none : calls.map(whyText).join('');
      tellOutcomes(outcomes, options, io, text, line);
      if (outcomes.every((one) => 'error' in one && one.error.unreachable)) finish(EXIT.unreachable);
      else
        finish(
          outcomes.some((one) => 'result' in one && one.result.calls.length > 0) ? EXIT.ok : EXIT.failed,
        );
    });
}
