import { defaultText } from '../../../gateway/config/flags-help.js';
import { FOREIGN_FLAGS, type ForeignFlag } from '../../../gateway/config/foreign-flags.js';
import { GROUPS, NAMED_SETTINGS, type NamedSetting } from '../../../gateway/config/schema.js';

/** A configuration file that shows how one is written; the docs test loads it. */
export const EXAMPLE_FILE = `# yaml-language-server: $schema=./sluice.schema.json
modelRepository: [models] # relative to this file
requiredModels: [iris]
models:
  iris:
    versionPolicy: { latest: 2 }
    maxBatchSize: 64
grpc:
  address: 0.0.0.0
http:
  address: 0.0.0.0
workers:
  count: auto
server:
  drainDelayMs: 5000
`;

const INTRO = `# Configuration

Generated from the schema in \`gateway/config\` by \`npm run docs\`; a test keeps it equal.

Every setting can be given in \`sluice.yaml\`, as an environment variable and as a flag. A flag wins over a variable, a
variable over the file, the file over the default. A list that is given replaces the one of a lower source. All faults
are reported at once, each with where it was given, what was given and what is wanted; the exit code is then 78.
\`sluice config\` prints what is in force and where each value comes from.

- **File**: \`--config-file\`, else \`SLUICE_CONFIG\`, else \`./sluice.yaml\` if there is one. YAML 1.2, at most 1 MiB; an
  unknown key is a fault. Relative paths in it start at its own directory. [sluice.schema.json](sluice.schema.json)
  gives an editor completion and checks.
- **Variables**: \`SLUICE_\` and the setting's path, \`grpc.maxMessageBytes\` is \`SLUICE_GRPC_MAX_MESSAGE_BYTES\`. An empty
  one counts as unset. Paths in a list are separated as in \`PATH\`, names by commas. Variables that Kubernetes sets for a
  Service named \`sluice\` are left alone. \`SLUICE_ADDRESS\` and \`SLUICE_ENDPOINT\` are no
  settings of the server: the commands that call one find it, and its admin listener, by those.
- **Flags**: \`--flag=value\` or \`--flag value\`; \`_\` may stand for \`-\`. A switch may stand alone, or take \`true\`,
  \`false\`, \`1\`, \`0\`, \`on\`, \`off\`. Of a flag given twice the last one counts, unless it is a list. A path without a
  flag is one more \`--model-repository\`.

\`\`\`yaml
${EXAMPLE_FILE}\`\`\`
`;

const WORKERS_NOTE = `The cores are those that the container is given: the least of the process's affinity, its cpuset and every CPU quota
from its cgroup (v1 or v2) up to the root, rounded down, at least one. Workers x threads beyond that are a fault that
names both numbers and where the limit comes from.
`;

const NOTES: Readonly<Record<string, string>> = { workers: WORKERS_NOTE };

/** The text of docs/CONFIG.md. */
export function configPage(): string {
  const sections = Object.entries(GROUPS).map(([group, title]) => {
    const settings = NAMED_SETTINGS.filter((named) => named.group === group);
    const note = NOTES[group];
    return `## ${title}\n\n${settingsTable(settings)}${note === undefined ? '' : `\n${note}`}`;
  });
  return [INTRO, ...sections, tritonSection()].join('\n');
}

function settingsTable(settings: readonly NamedSetting[]): string {
  const rows = settings.map((named) => {
    const flags = named.flags.map(code).join(' ');
    const variable = named.env === undefined ? '' : code(named.env);
    return `| ${code(named.path)} | ${defaultText(named)} | ${flags} | ${variable} | ${named.setting.spec.why} |`;
  });
  return `| setting | default | flag | variable | what for |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function tritonSection(): string {
  const table = (effect: ForeignFlag['effect']): string => {
    const rows = FOREIGN_FLAGS.filter((foreign) => foreign.effect === effect).map(
      ({ flag, consequence, harmless }) =>
        `| ${code(`--${flag}`)} | ${consequence} | ${harmless === undefined ? '' : harmless.map(code).join(' ')} |`,
    );
    return `| flag | what it means here | not mentioned when |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  };
  return `## Triton's flags

A start-up line written for Triton works as it is, the word \`tritonserver\` in front included (KServe passes it). Triton
listens on all interfaces, Sluice on loopback until it is told otherwise: set \`SLUICE_GRPC_ADDRESS\` and
\`SLUICE_HTTP_ADDRESS\` to \`0.0.0.0\` in a container. \`--log-verbose\`, \`--log-info\`, \`--log-warning\` and \`--log-error\`
set \`log.level\`; Triton's values of \`--log-format\` mean \`auto\`; \`--load-model=*\` requires nothing, since all models
are loaded anyway.

These are accepted without effect. Each says so at start, unless it asks for what happens anyway (last column):

${table('warn')}
These are refused, since ignoring them would be dangerous, or since they belong to another server:

${table('refuse')}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
