import * as z from 'zod';
import { FILE_TYPE } from './schema.js';

/**
 * JSON Schema of sluice.yaml, for editors: completion, documentation on hover, faults while typing. Committed as
 * docs/sluice.schema.json; a file names it in its first line: `# yaml-language-server: $schema=<path or URL>`.
 */
export function configJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(FILE_TYPE, { io: 'input' }),
    title: 'Sluice configuration',
  };
}
