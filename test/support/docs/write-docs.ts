/** Writes the generated documents: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configJsonSchema } from '../../../gateway/config/json-schema.js';
import { configPage } from './config-page.js';
import { errorsPage } from './errors-page.js';
import { FAILURES_PAGE, failuresPage, faultTable } from './failures-page.js';
import { metricsPage } from './metrics-page.js';
import { openApiText } from './openapi-text.js';

const docs = new URL('../../../../docs/', import.meta.url);

writeFileSync(new URL('CONFIG.md', docs), configPage());
writeFileSync(new URL('ERRORS.md', docs), errorsPage());
writeFileSync(new URL('METRICS.md', docs), metricsPage());
writeFileSync(new URL('sluice.schema.json', docs), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
writeFileSync(new URL('openapi.json', docs), openApiText());
// New words around the figures that are there.
writeFileSync(FAILURES_PAGE, failuresPage(faultTable(readFileSync(FAILURES_PAGE, 'utf8'))));
