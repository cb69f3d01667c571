import type { Command } from 'commander';
import type { AdminChange } from '../../client/admin.js';
import {
  type AdminOptions,
  exitCodeOf,
  onEach,
  tellOutcomes,
  withAdminOptions,
} from '../admin/each-endpoint.js';
import type { CommandContext, Finish } from '../command-context.js';
import { helpFooter } from '../help.js';
import { printable } from '../io.js';
import { renderTable } from '../table.js';

/** `sluice history`: who changed which label when, from where to where, and why. */
export function addHistoryCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('history')
    .summary('list the changes of labels, the newest first')
    .description('Lists who changed which label when, from where to where, and why.')
    .argument('[model]', 'all models without it', '')
    .option('--limit <n>', 'most changes to list; 0 for all that are remembered', '20');
  withAdminOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice history iris', 'what happened to iris'],
        ['sluice history --limit 5', 'the latest changes of any model'],
        ['sluice history iris --limit 0 --json', 'all that is remembered, for a script'],
      ]),
    )
    .action(async (model: string, options: AdminOptions & { limit: string }) => {
      const outcomes = await onEach(options, async (client) => ({
        changes: await client.history(model, Number(options.limit) || 0),
      }));
      const code = exitCodeOf(outcomes, ({ changes }) => changes[0]?.generation);
      const line = (endpoint: string, said: string) =>
        outcomes.length === 1 ? said : `${printable(endpoint)}:\n${said}`;
      tellOutcomes(outcomes, options, io, ({ changes }) => text(changes), line);
      finish(code);
    });
}

function text(changes: readonly AdminChange[]): string {
  if (changes.length === 0) return 'Nothing was changed yet.\n';
  const rows = changes.map(({ generation, atMs, who, why, kind, model, label, from, to }) => [
    ...[String(generation), new Date(atMs).toISOString(), who, kind, model, label],
    ...[from === undefined ? '-' : String(from), to === undefined ? '-' : String(to), why],
  ]);
  const headers = ['GENERATION', 'WHEN', 'WHO', 'WHAT', 'MODEL', 'LABEL', 'FROM', 'TO', 'WHY'];
  return renderTable(headers, rows, new Set([0, 6, 7]));
}
