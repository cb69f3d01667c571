import { Document, isCollection, isNode } from 'yaml';
import type { LoadedConfig } from './load.js';
import { NAMED_SETTINGS } from './schema.js';

/** The configuration as a sluice.yaml that would give the same one, each setting with its source as a comment. */
export function effectiveYaml({ config, sources }: LoadedConfig): string {
  const document = new Document(JSON.parse(JSON.stringify(config)), { aliasDuplicateObjects: false });
  document.commentBefore = ' The effective configuration of this Sluice server.';
  for (const { path, keys } of NAMED_SETTINGS) {
    const node: unknown = document.getIn(keys, true);
    if (!isNode(node)) continue;
    // A comment after a block would be read as belonging to what follows it.
    if (isCollection(node)) node.flow = true;
    node.comment = ` ${sources[path]}`;
  }
  return document.toString({ lineWidth: 0 });
}

/** The same as one JSON object: `config`, `sources` by setting path, `warnings`. */
export function effectiveJson({ config, sources, warnings }: LoadedConfig): string {
  return `${JSON.stringify({ config, sources, warnings }, null, 2)}\n`;
}
