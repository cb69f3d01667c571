import type { MethodClass } from '../core/access.js';

/** What the holder of a token may do. */
export const ROLES = ['infer', 'read', 'control'] as const;
export type Role = (typeof ROLES)[number];

/** What is known of who calls. */
export interface Identity {
  /** The token's name, for logs. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
}

export type Decision = 'allow' | 'unauthenticated' | 'denied';

/** Any of these roles will do. */
const ROLES_FOR: Readonly<Record<Exclude<MethodClass, 'open'>, readonly Role[]>> = {
  // Who may call models, or change them, must be able to see which there are.
  reads: ['infer', 'read', 'control'],
  infers: ['infer'],
  changes: ['control'],
};

/**
 * Whether who calls may do such a thing. It is asked before anything is looked up, so that the answer is the same, in words and in
 * time, whether the thing is there or not. `identity` undefined: there was no token, or none that is known.
 */
export function authorize(kind: MethodClass, identity: Identity | undefined): Decision {
  if (kind === 'open') return 'allow';
  if (identity === undefined) return 'unauthenticated';
  return ROLES_FOR[kind].some((role) => identity.roles.has(role)) ? 'allow' : 'denied';
}
