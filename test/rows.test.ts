/** Holds test/rows.json against the tests: each covered row of the fault catalogue names a test that exists. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The catalogue's sections: connection, framing, payload, workers, repository, overload, health, telemetry, access. */
const SECTIONS = {
  A: [1, 18],
  B: [19, 43],
  C: [44, 60],
  D: [61, 76],
  E: [77, 90],
  F: [91, 97],
  G: [98, 105],
  H: [106, 110],
  I: [111, 116],
};

const catalogue = Object.entries(SECTIONS).flatMap(([letter, [first, last]]) =>
  Array.from(
    { length: (last as number) - (first as number) + 1 },
    (_, i) => `${letter}${(first as number) + i}`,
  ),
);

const covered = JSON.parse(readFileSync(join(root, 'test/rows.json'), 'utf8')) as Record<
  string,
  string | string[]
>;

/** Row numbers at the start of test titles, e.g. `B27` in a title 'B27 a bomb …', `C52` and `C53` in 'C52 C53 …'. */
function titledRows(text: string): Set<string> {
  const titles = [...text.matchAll(/\b(?:test|it)\(\s*['"`]((?:[A-I]\d+ )+)/g)];
  return new Set(titles.flatMap((match) => (match[1] as string).trim().split(' ')));
}

test('every row in rows.json is a row of the catalogue and names files with a test of its number', () => {
  for (const [row, paths] of Object.entries(covered)) {
    assert.ok(catalogue.includes(row), `${row} is not in the catalogue`);
    for (const path of [paths].flat()) {
      const text = readFileSync(join(root, path), 'utf8');
      assert.ok(titledRows(text).has(row), `${path} has no test whose title starts with ${row}`);
    }
  }
});

test('every test that is titled with a row is listed in rows.json', () => {
  const missing: string[] = [];
  for (const name of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })) {
    const path = `test/${name.replaceAll('\\', '/')}`;
    if (!path.endsWith('.test.ts') || path.includes('/.env/')) continue;
    for (const row of titledRows(readFileSync(join(root, path), 'utf8'))) {
      if (![covered[row] ?? []].flat().includes(path)) missing.push(`${row}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('what is not covered yet is printed', (t) => {
  const open = catalogue.filter((row) => !(row in covered));
  t.diagnostic(`${Object.keys(covered).length} of ${catalogue.length} rows covered; open: ${open.join(' ')}`);
  assert.equal(catalogue.length, 116);
});
