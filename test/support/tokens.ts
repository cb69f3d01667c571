import { createHash } from 'node:crypto';

/** A line of a file of tokens. */
export function tokenLine(name: string, roles: string, token: string): string {
  return `${name} ${roles} sha256:${createHash('sha256').update(token).digest('hex')}\n`;
}
