function refuse(): never {
  throw new Error('no route of Sluice has a JSON schema: its compilers are not loaded');
}

/**
 * Routes read their bodies themselves and have no JSON schemas. Fastify would load the compilers of schemas all the same: a
 * hundred files, a tenth of a server's start.
 */
export const NO_SCHEMAS = { compilersFactory: { buildValidator: refuse, buildSerializer: refuse } };
