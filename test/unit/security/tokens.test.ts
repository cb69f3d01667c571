import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorize, ROLES } from '../../../gateway/security/authorize.js';
import { parseTokens } from '../../../gateway/security/tokens-file.js';
import { tokenLine } from '../../support/tokens.js';

test('a file of tokens: comments, several roles, two tokens of one name', () => {
  const table = parseTokens(
    `# who\n\n${tokenLine('ci', 'infer', 'one')}  ${tokenLine('ci', 'infer,control', 'two')}\r\n`,
  );
  assert.equal(table.size, 2);
  const roles = (header: string | undefined) => [...(table.identify(header)?.roles ?? ['nobody'])];
  assert.deepEqual(roles('Bearer one'), ['infer']);
  assert.deepEqual(roles('bearer   two'), ['infer', 'control']);
  assert.equal(table.identify('Bearer two')?.name, 'ci');
  for (const header of [
    undefined,
    '',
    'one',
    'Basic one',
    'Bearer',
    'Bearer ',
    'Bearer On',
    'Bearer one ',
    'Bearer one, Bearer one',
    'Bearer one\u0000',
    `Bearer ${'one'.repeat(1000)}`,
    `Bearer ${tokenLine('ci', 'infer', 'one').slice(-65, -1)}`,
  ])
    assert.deepEqual(roles(header), ['nobody'], String(header).slice(0, 40));
});

test('I116 a fault in a file of tokens names the line, and nothing that may be a secret', () => {
  const secret = 'canary-5fd1';
  const good = tokenLine('a', 'infer', 'x').trim();
  const rows: readonly (readonly [string, RegExp])[] = [
    [secret, /^line 2: it has 1 fields/],
    [`a infer ${secret}`, /^line 2: the third field is wanted as sha256:/],
    [
      `a ${secret} ${good.split(' ')[2]}`,
      /^line 2: the second field is wanted as roles.*infer, read, control/,
    ],
    [`/${secret} infer ${good.split(' ')[2]}`, /^line 2: the name is wanted/],
    [good, /^line 2: the token of 'a' stands in an earlier line/],
  ];
  for (const [line, wanted] of rows) {
    assert.throws(
      () => parseTokens(`${good}\n${line}`),
      ({ message }: Error) => wanted.test(message) && !message.includes(secret),
      line,
    );
  }
});

test('each role allows what it is for, and nothing more', () => {
  const kinds = ['open', 'reads', 'infers', 'changes'] as const;
  const may = (roles: readonly (typeof ROLES)[number][]) =>
    kinds.filter((kind) => authorize(kind, { name: 'x', roles: new Set(roles) }) === 'allow');
  assert.deepEqual(may([]), ['open']);
  assert.deepEqual(may(['read']), ['open', 'reads']);
  assert.deepEqual(may(['infer']), ['open', 'reads', 'infers']);
  assert.deepEqual(may(['control']), ['open', 'reads', 'changes']);
  assert.deepEqual(may([...ROLES]), [...kinds]);
  assert.deepEqual(
    kinds.map((kind) => authorize(kind, undefined)),
    ['allow', 'unauthenticated', 'unauthenticated', 'unauthenticated'],
  );
});
