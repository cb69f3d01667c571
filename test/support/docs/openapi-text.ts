import { readFileSync } from 'node:fs';
import { openApiDocument } from '../../../gateway/http/openapi/document.js';

/** docs/openapi.json: the document of this release. */
export function openApiText(): string {
  const { version } = JSON.parse(
    readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
  ) as {
    version: string;
  };
  return `${JSON.stringify(openApiDocument(version), null, 2)}\n`;
}
