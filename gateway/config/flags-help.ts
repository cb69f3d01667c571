import { FOREIGN_FLAGS } from './foreign-flags.js';
import { GROUPS, NAMED_SETTINGS, type NamedSetting } from './schema.js';

const INDENT = '      ';

/** A default as people read it: `67108864 bytes (64 MiB)`, `none`. */
export function defaultText({ setting }: NamedSetting): string {
  const { spec } = setting;
  if (spec.defaultText !== undefined) return spec.defaultText;
  const value = spec.default;
  if (spec.form === 'file-only' || (Array.isArray(value) && value.length === 0)) return 'none';
  const size = spec.unit === 'bytes' && typeof value === 'number' ? ` (${mebibytes(value)})` : '';
  return `${String(value)}${spec.unit === undefined ? '' : ` ${spec.unit}`}${size}`;
}

function mebibytes(bytes: number): string {
  return `${bytes / 1024 / 1024} MiB`;
}

/** Help for `sluice serve`: every flag, by group, with its default, its variable and why one would set it. */
export function renderFlagsHelp(columns = 100): string {
  const width = Math.min(Math.max(columns, 60), 120);
  const out: string[] = [];
  for (const [group, title] of Object.entries(GROUPS)) {
    const settings = NAMED_SETTINGS.filter((named) => named.group === group && named.flags.length > 0);
    if (settings.length === 0) continue;
    out.push(`${title}:`);
    for (const named of settings) out.push(...settingHelp(named, width));
    out.push('');
  }
  out.push(
    'Configuration file:',
    '  --config-file <path>',
    ...wrap(
      'sluice.yaml to read; without it SLUICE_CONFIG names it, else ./sluice.yaml is read if it is there. A flag wins over a variable, a variable over the file.',
      width,
    ),
    '',
    ...wrap(
      `Triton's flags are understood under Triton's names; ${FOREIGN_FLAGS.filter((foreign) => foreign.effect === 'warn').length} more of them are accepted without effect and say so at start. A switch may stand alone, or take true, false, 1, 0, on, off.`,
      width,
      '',
    ),
  );
  return `${out.join('\n')}\n`;
}

function settingHelp(named: NamedSetting, width: number): string[] {
  const { spec } = named.setting;
  const value = spec.form === 'switch' ? `=${spec.placeholder}` : ` <${spec.placeholder}>`;
  const repeat = spec.form === 'list' ? ' (repeatable)' : '';
  return [
    `  ${named.flags.join(', ')}${value}${repeat}`,
    ...wrap(spec.why.replaceAll('`', ''), width),
    ...wrap(`[default: ${defaultText(named)}] [${named.env}]`, width),
  ];
}

function wrap(text: string, width: number, indent = INDENT): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > width && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  lines.push(line.trimEnd());
  return lines;
}
