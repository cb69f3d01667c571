import type { Command } from 'commander';
import type { AdminVersions } from '../../client/admin.js';
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

/** `sluice versions`: what is loaded, and who asks for it. */
export function addVersionsCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  const command = program
    .command('versions')
    .summary('list the versions of models with their labels')
    .description(
      'Lists versions, their states and labels. With several servers exits 1 if their labels differ.',
    )
    .argument('[model]', 'all models without it', '');
  withAdminOptions(command)
    .addHelpText(
      'after',
      helpFooter([
        ['sluice versions iris', 'the versions of iris'],
        ['sluice versions --json', 'of all models, for a script'],
        ['sluice versions iris --endpoint dns:///sluice-admin:8003', 'on every replica behind a name'],
      ]),
    )
    .action(async (model: string, options: AdminOptions) => {
      const outcomes = await onEach(options, (client) => client.versions(model));
      const code = exitCodeOf(outcomes, ({ labels }) => labels);
      const line = (endpoint: string, said: string) =>
        outcomes.length === 1 ? said : `${printable(endpoint)}: ${said}`;
      tellOutcomes(outcomes, options, io, text, line);
      finish(code);
    });
}

function text({ generation, versions, labels }: AdminVersions): string {
  const rows = versions.map((line) => {
    const asked = [
      ...line.labels,
      ...(line.pinned ? ['(loaded by call)'] : []),
      ...(line.default ? ['(default)'] : []),
    ];
    const differs = line.differs === '' ? '' : `differs from the default: ${line.differs}`;
    return [line.model, String(line.version), line.state, asked.join(' '), line.reason || differs];
  });
  const table = renderTable(['MODEL', 'VERSION', 'STATE', 'LABELS', 'REASON'], rows, new Set([1]));
  const waiting = labels
    .filter(({ version, serving }) => version !== serving)
    .map(
      ({ model, label, version, serving, held }) =>
        `${printable(model)} ${printable(label)} waits for version ${version}; ${serving === undefined ? 'nothing' : `version ${serving}`} serves${held === '' ? '' : `. It is held: ${printable(held)}; "sluice label … --force" lets it through`}\n`,
    );
  return `generation ${generation}\n${table}${waiting.join('')}`;
}
