/** The curl lines of documents, typed as they stand, against a real server: it answers what they show. Flags that are named exist. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KNOWN_FLAGS } from '../../gateway/config/flags.js';
import { FOREIGN_FLAGS } from '../../gateway/config/foreign-flags.js';
import { ask } from '../support/http-client.js';
import { codeBlocks, localLinks, readDocument, shellWords } from '../support/markdown.js';
import { startServerProcess } from '../support/server-process.js';

const PAGES = ['docs/HTTP.md', 'docs/MIGRATING.md'];

interface Line {
  readonly page: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly shown: string;
}

function curlLines(page: string): Line[] {
  return codeBlocks(readDocument(page), '').flatMap((block) => {
    const [line = '', ...shown] = block.trimEnd().split('\n');
    if (!line.startsWith('$ curl -s localhost:8000/')) return [];
    const words = shellWords(line).slice(3);
    const after = (flag: string): string | undefined =>
      words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined;
    const [name, value] = after('-H')?.split(': ') ?? [];
    return {
      page,
      path: (words[0] as string).replace('localhost:8000', ''),
      body: after('-d'),
      headers: name !== undefined && value !== undefined ? { [name]: value } : {},
      shown: shown.join('\n'),
    };
  });
}

test('what documents tell people to ask with curl is answered as they show', async (t) => {
  const server = await startServerProcess({ args: ['--config-file', 'examples/sluice.yaml'] });
  t.after(() => server.stop());
  const lines = PAGES.flatMap(curlLines);
  assert.equal(lines.length, 6);
  for (const { page, path, body, headers, shown } of lines) {
    // curl says that a body is a form, unless told otherwise.
    const sent = { 'content-type': 'application/x-www-form-urlencoded', ...headers };
    const answer = await ask(server.httpPort, path, body, { headers: sent });
    assert.equal(answer.body.toString(), shown, `${page} ${path}`);
  }
});

test('the flags that the page on moving names are taken, and its links lead somewhere', () => {
  const page = readDocument('docs/MIGRATING.md');
  const foreign = FOREIGN_FLAGS.map(({ flag }) => `--${flag}`);
  const named = new Set([...page.matchAll(/--[a-z][a-z_-]+/g)].map(([flag]) => flag.replaceAll('_', '-')));
  // Of other programs.
  for (const flag of ['--saved-model', '--output']) named.delete(flag);
  assert.ok(named.size > 20);
  for (const flag of named) assert.ok(KNOWN_FLAGS.includes(flag) || foreign.includes(flag), flag);
  for (const link of localLinks(page)) assert.ok(readDocument(`docs/${link}`).length > 0, link);
});
