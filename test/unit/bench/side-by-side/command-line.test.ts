import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Options, readOptions, usage } from '../../../../bench/side-by-side/command-line.js';
import { markdownReport } from '../../../../bench/side-by-side/report.js';
import { SUITES } from '../../../../bench/side-by-side/suites.js';
import { markdownTable, numbers, shares, textTable, words } from '../../../../bench/side-by-side/table.js';

const read = (...args: string[]): Options => {
  const options = readOptions(args, SUITES);
  assert.ok(typeof options !== 'string', String(options));
  return options;
};
const names = ({ cases }: Options): string[] => cases.map(({ name }) => name);

test('each benchmark is found by its name, with its own cases, page and effort', () => {
  assert.ok(names(read()).includes('megabyte'));
  const overload = read('overload');
  assert.deepEqual(names(overload), ['waiting', 'waiting-fifo', 'mlp', 'mlp-fifo']);
  assert.equal(overload.suite.page.file, 'docs/BENCHMARKS-OVERLOAD.md');
  assert.equal(names(read('static')).length, 4);
  assert.equal(new Set(SUITES.map(({ page }) => page.file)).size, SUITES.length);
  assert.ok(read('overload', '--quick').effort.measureMs < overload.effort.measureMs);
  assert.equal(read('static', '--quick').effort.narrow, true);
});

test('flags: some cases, rounds, arguments for node', () => {
  const options = read(
    'overload',
    '--only',
    'mlp,waiting',
    '--rounds',
    '3',
    '--json',
    '--node-arg=--cpu-prof',
  );
  assert.deepEqual(names(options), ['waiting', 'mlp']);
  assert.deepEqual([options.effort.rounds, options.json, options.write], [3, true, false]);
  assert.deepEqual(options.nodeArgs, ['--cpu-prof']);
  assert.equal(read('static', '--write').write, true);
});

test('what cannot be understood is told, and never run', () => {
  const told = (...args: string[]) => String(readOptions(args, SUITES));
  assert.match(told('overlode'), /no benchmark "overlode"/);
  assert.match(told('overload', 'static'), /no benchmark/);
  assert.match(told('overload', '--only', 'iris'), /no case "iris"/);
  assert.match(told('--rounds', '0'), /"0": wanted a whole number/);
  assert.match(told('--write', '--quick'), /--write/);
  assert.match(told('static', '--write', '--only', 'iris'), /--write/);
  assert.match(told('--nope'), /--nope/);
  assert.equal(told('--help'), '');
  for (const { cases, page } of SUITES)
    for (const text of [page.file, ...cases.map(({ name }) => name)]) assert.ok(usage(SUITES).includes(text));
});

const table = {
  from: 'case',
  title: 'A table',
  columns: [words('name', 'NAME'), numbers('rate', 'RATE', 1, 'x'), shares('share', 'SHARE')],
  rows: [
    { name: 'one', rate: 2, share: 0.123 },
    { name: 'longer', rate: Number.NaN },
  ],
};

test('a table for a terminal, and in Markdown: what is absent is empty, what cannot be said a dash', () => {
  assert.equal(textTable(table), 'A table\n  NAME  RATE  SHARE\n   one  2.0x  12.3%\nlonger     -\n');
  assert.equal(
    markdownTable(table),
    '### A table\n\n| NAME | RATE | SHARE |\n| ---: | ---: | ---: |\n| one | 2.0x | 12.3% |\n| longer | - |  |\n',
  );
});

test('every page names its command and has its tables', () => {
  for (const { page, full } of SUITES) {
    const at = { machine: 'm', software: 's', cores: 'c', effort: full };
    const text = markdownReport(page, { findings: [], tables: [table] }, at);
    assert.ok(text.includes(page.command) && text.includes(`# ${page.title}`));
    assert.ok(text.includes('### A table'));
  }
});
