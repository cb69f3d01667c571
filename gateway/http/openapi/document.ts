import { OPERATIONS, type Operation } from './operations.js';
import { SCHEMAS } from './schemas.js';

const PARAMETERS: Readonly<Record<string, string>> = {
  model: 'Name of a model',
  version: 'A version, or a label in its place',
  label: 'A label',
};
const ERRORS = ['400', '401', '403', '404', '413', '429', '503', '504'];

/** The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0) of the HTTP listener, of one release. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] ??= {};
    (paths[operation.path] as Record<string, object>)[operation.method] = describe(operation);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice', version, description: 'Inference over HTTP. docs/HTTP.md says more.' },
    tags: [...new Set(OPERATIONS.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function describe({ path, kind, tag, summary, body, answer, query = {} }: Operation): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: PARAMETERS[name],
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
  const parameters = [...inPath, ...inQuery];
  return {
    tags: [tag],
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { content: contentOf(body) } }),
    // Only where the server has tokens at all.
    security: kind === 'open' ? [] : [{}, { token: [] }],
    responses: {
      200: { description: 'OK', content: contentOf(answer) },
      ...Object.fromEntries(
        ERRORS.map((status) => [
          status,
          { description: 'see docs/HTTP.md', content: contentOf({ 'application/json': 'Error' }) },
        ]),
      ),
    },
  };
}

function contentOf(types: Readonly<Record<string, string>>): object {
  return Object.fromEntries(
    Object.entries(types).map(([type, schema]) => [
      type,
      { schema: { $ref: `#/components/schemas/${schema}` } },
    ]),
  );
}
