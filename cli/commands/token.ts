import { createHash, randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext, Finish } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { helpFooter } from '../help.js';

const ROLES = ['infer', 'read', 'control'];
const TOKEN_BYTES = 32;

/** `sluice token`: makes a token, and the line by which a server knows it. */
export function addTokenCommand(program: Command, { io }: CommandContext, finish: Finish): void {
  program
    .command('token')
    .summary('make a token, and its line for the file of tokens')
    .description(
      'Makes a random token. The first line it prints is for who calls; the second is for the file that --auth-tokens-file names, and is no secret.',
    )
    .argument('<name>', 'whose it is: for logs', nameOf)
    .option('--role <list>', `what it allows, separated by commas: ${ROLES.join(', ')}`, rolesOf, 'infer')
    .option('--json', 'print JSON, one line')
    .addHelpText(
      'after',
      helpFooter([
        ['sluice token ci', 'a token that may call models'],
        ['sluice token ops --role infer,control', 'one that may change what is served, too'],
      ]),
    )
    .action((name: string, { role, json }: { role: string; json?: boolean }) => {
      // The prefix is for those who search texts for secrets.
      const token = `sluice_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
      const line = `${name} ${role} sha256:${createHash('sha256').update(token).digest('hex')}`;
      io.out(json ? `${JSON.stringify({ token, line })}\n` : `${token}\n${line}\n`);
      finish(EXIT.ok);
    });
}

function nameOf(text: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('Wanted 1 to 64 letters, digits, dots, dashes, @ and _.');
}

function rolesOf(text: string): string {
  const roles = [...new Set(text.split(','))];
  if (roles.every((role) => ROLES.includes(role))) return roles.join(',');
  throw new InvalidArgumentError(`Wanted some of ${ROLES.join(', ')}.`);
}
