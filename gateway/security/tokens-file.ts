import { quote } from '../core/error.js';
import { ROLES, type Role } from './authorize.js';
import { TokenTable } from './token-table.js';

const MAX_TOKENS = 10_000;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?$/;
const HASH = /^sha256:([0-9a-f]{64})$/i;

/**
 * Reads a file of tokens: a line each, `<name> <role>[,<role>] sha256:<hash in hex>`, empty lines and those that begin with `#` aside.
 * Two lines may have one name: a token and the one that takes its place. Throws an Error that names the line, and nothing of what
 * may be a secret in it.
 */
export function parseTokens(text: string): TokenTable {
  const table = new TokenTable();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const fault = addLine(table, line);
    if (fault !== undefined) throw new Error(`line ${index + 1}: ${fault}`);
  }
  return table;
}

function addLine(table: TokenTable, line: string): string | undefined {
  const parts = line.split(/\s+/);
  // A token may stand where something else is wanted, so what is given is told of a name and of roles only where it looks like one.
  if (parts.length !== 3) return `it has ${parts.length} fields, wanted 3: name, roles and sha256:<hash>`;
  const [name, roleList, hashField] = parts as [string, string, string];
  if (!NAME.test(name)) return 'the name is wanted as 1 to 64 letters, digits, dots, dashes, @ and _';
  const roles = roleList.split(',');
  if (!roles.every((role): role is Role => (ROLES as readonly string[]).includes(role)))
    return `the second field is wanted as roles, separated by commas: ${ROLES.join(', ')}`;
  const hex = HASH.exec(hashField)?.[1];
  if (hex === undefined) return 'the third field is wanted as sha256: and 64 hexadecimal digits';
  if (table.size >= MAX_TOKENS) return `more than ${MAX_TOKENS} tokens`;
  const identity = { name, roles: new Set(roles) };
  return table.add(Buffer.from(hex, 'hex'), identity)
    ? undefined
    : `the token of ${quote(name)} stands in an earlier line, too`;
}
