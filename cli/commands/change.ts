import { type Command, InvalidArgumentError } from 'commander';
import type { AdminClient, ChangeNote, ChangeResult } from '../../client/admin.js';
import {
  type AdminOptions,
  exitCodeOf,
  type NoteOptions,
  noteOf,
  onEach,
  tellOutcomes,
  withNoteOptions,
} from '../admin/each-endpoint.js';
import type { CommandContext, Finish } from '../command-context.js';
import { usageError } from '../exit-code.js';
import { helpFooter } from '../help.js';
import { printable } from '../io.js';

const FORCE = 'also to a version whose signature differs from that of the version that answers now';

type Options = AdminOptions & NoteOptions;
type Change = (client: AdminClient, note: ChangeNote) => Promise<ChangeResult>;

/** `sluice label`, `promote`, `rollback`, `load`, `unload`: changes of what servers serve. */
export function addLabelCommands(program: Command, { io }: CommandContext, finish: Finish): void {
  const make = async (options: Options, change: Change): Promise<void> => {
    const note = noteOf(options);
    const outcomes = await onEach(options, (client) => change(client, note));
    const code = exitCodeOf(outcomes, ({ to }) => to);
    tellOutcomes(
      outcomes,
      options,
      io,
      (result) => `${inWords(result)}\n`,
      (endpoint, said) => printable(`${endpoint}: ${said}`),
    );
    finish(code);
  };
  addLabel(program, make);
  addPromote(program, make);
  addRollback(program, make);
  for (const verb of ['load', 'unload'] as const) addLoad(program, verb, make);
}

type Make = (options: Options, change: Change) => Promise<void>;

function addLabel(program: Command, make: Make): void {
  const command = program
    .command('label')
    .summary('set, move or remove a label of a model')
    .description(
      'Lets a label lead to a version. One that is not there yet is waited for; what was before serves until then.',
    )
    .argument('<model>')
    .argument('<label>', 'stable is what a request gets that names no version')
    .argument('[version]', 'a version number', whole)
    .option('--remove', 'remove the label')
    .option('--force', FORCE);
  withNoteOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice label iris canary 3', 'try version 3 under a name of its own'],
        ['sluice label iris canary 2 --why "3 is too slow"', 'and another one'],
        ['sluice label iris canary 1 --endpoint a:8003,b:8003', 'on two servers'],
      ]),
    )
    .action(
      (
        model: string,
        label: string,
        version: number | undefined,
        options: Options & { remove?: boolean; force?: boolean },
      ) => {
        if ((version === undefined) !== (options.remove === true))
          throw usageError('Wanted a version, or --remove, and not both');
        return make(options, (client, note) =>
          client.label({ model, label, version: version ?? 0, force: options.force ?? false }, note),
        );
      },
    );
}

function addPromote(program: Command, make: Make): void {
  const command = program
    .command('promote')
    .summary('move the label stable to a version')
    .description(
      'Moves a label, stable unless another is named, to a version or to where another label leads.',
    )
    .argument('<model>')
    .argument('[version]', 'a version number', whole)
    .option('--label <label>', 'the label that moves', 'stable')
    .option('--from <label>', 'to where this label leads')
    .option('--force', FORCE);
  withNoteOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice promote iris --from canary --why "A/B test won"', 'what canary serves, for all'],
        ['sluice promote iris 2', 'version 2, for all'],
        ['sluice promote iris 1 --force', 'also where its signature is another'],
      ]),
    )
    .action(
      (
        model: string,
        version: number | undefined,
        options: Options & { label: string; from?: string; force?: boolean },
      ) => {
        const { label, from, force = false } = options;
        if ((version === undefined) === (from === undefined))
          throw usageError('Wanted a version, or --from <label>, and not both');
        const to = version === undefined ? { from_label: from as string } : { version };
        return make(options, (client, note) => client.promote({ model, label, force, ...to }, note));
      },
    );
}

function addRollback(program: Command, make: Make): void {
  const command = program
    .command('rollback')
    .summary('move the label stable back to where it led before')
    .description('Moves a label, stable unless another is named, back to its previous version.')
    .argument('<model>')
    .option('--label <label>', 'the label that moves', 'stable');
  withNoteOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice rollback iris --why "wrong classes"', 'one step back'],
        ['sluice rollback iris --label canary', 'another label than stable'],
        [
          'sluice rollback iris --label canary --endpoint dns:///sluice-admin:8003',
          'on every replica behind a name',
        ],
      ]),
    )
    .action((model: string, options: Options & { label: string }) => {
      const { label } = options;
      // The version that is left, as the first server says it: replicas that share their state roll back once, not once each.
      let from: number | undefined;
      return make(options, async (client, note) => {
        from ??= (await client.versions(model)).labels.find((line) => line.label === label)?.version;
        return client.rollback({ model, label, from_version: from ?? 0 }, note);
      });
    });
}

function addLoad(program: Command, verb: 'load' | 'unload', make: Make): void {
  const command = program
    .command(verb)
    .summary(verb === 'load' ? 'load a version that the version policy leaves out' : 'take a load back')
    .description(
      verb === 'load'
        ? 'Loads a version whatever policy and labels say; it stays until it is unloaded.'
        : 'Takes a load back. The version goes when neither policy nor label asks for it.',
    )
    .argument('<model>')
    .argument('<version>', 'a version number', whole);
  withNoteOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        [`sluice ${verb} iris 1`, verb === 'load' ? 'version 1, beside what is served' : 'not any more'],
        [`sluice ${verb} iris 1 --why "to compare"`, 'for the history'],
        [`sluice ${verb} iris 1 --endpoint a:8003,b:8003 --json`, 'on two servers, for a script'],
      ]),
    )
    .action((model: string, version: number, options: Options) =>
      make(options, (client, note) => client[verb]({ model, version }, note)),
    );
}

function inWords({ changed, from, to, serving, persisted, generation }: ChangeResult): string {
  if (!changed) return `was so already: version ${to ?? 'none'} (generation ${generation})`;
  const moved = from === undefined ? `version ${to}` : `version ${from} -> ${to ?? 'none'}`;
  const notes = [
    ...(serving || to === undefined ? [] : ['not loaded now']),
    ...(persisted ? [] : ['kept in memory only: the server has no --state-dir']),
  ];
  return `${moved} (generation ${generation})${notes.map((note) => `; ${note}`).join('')}`;
}

function whole(text: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError('Wanted a version: a whole number above 0.');
}
