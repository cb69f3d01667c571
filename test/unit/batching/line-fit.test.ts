import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Line, lineThrough, type Point } from '../../../gateway/batching/line-fit.js';

const points = (...pairs: readonly [number, number, number?][]): Point[] =>
  pairs.map(([rows, ms, weight = 1]) => ({ rows, ms, weight }));

function near(line: Line | undefined, fixedMs: number, perRowMs: number, sentence: string): void {
  const got = line ?? { fixedMs: Number.NaN, perRowMs: Number.NaN };
  const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * (1 + Math.abs(b));
  assert.ok(
    close(got.fixedMs, fixedMs) && close(got.perRowMs, perRowMs),
    `${sentence}: ${JSON.stringify(line)}`,
  );
}

test('the line through points', () => {
  const rows: [string, Point[], [number, number]][] = [
    ['two points', points([1, 22], [8, 36]), [20, 2]],
    ['more on a line', points([1, 22], [8, 36], [64, 148]), [20, 2]],
    ['weights do not bend what is straight', points([1, 22, 0.01], [8, 36, 5], [64, 148]), [20, 2]],
    ['one size: in proportion', points([4, 8]), [0, 2]],
    ['one size, twice', points([4, 8], [4, 8]), [0, 2]],
    ['larger is faster: taken as equal', points([1, 9], [8, 9], [8, 9]), [9, 0]],
    ['below zero at the start: through the origin', points([1, 1], [2, 4]), [0, (1 + 2 / 4) / (1 + 4 / 16)]],
    ['what weighs nothing does not count', points([1, 22], [8, 36], [64, 9999, 0]), [20, 2]],
  ];
  for (const [sentence, of, [fixedMs, perRowMs]] of rows) near(lineThrough(of), fixedMs, perRowMs, sentence);
  assert.equal(lineThrough([]), undefined);
  assert.equal(lineThrough(points([1, 5, 0])), undefined);
});

test('relative errors count: a small batch is met as closely as a large one', () => {
  // Nothing fits all four. By absolute errors the small sizes would be off by half.
  const of = points([1, 1.1], [2, 1.8], [32, 40], [64, 60]);
  const line = lineThrough(of) as Line;
  for (const { rows, ms } of of) {
    const error = Math.abs(line.fixedMs + line.perRowMs * rows - ms) / ms;
    assert.ok(error < 0.25, `${rows}: ${error}`);
  }
});

test('never negative, never falling, never infinite, whatever the points', () => {
  const point = fc.record({
    rows: fc.integer({ min: 1, max: 4096 }),
    ms: fc.double({ min: 0, max: 1e5, noNaN: true }),
    weight: fc.double({ min: 0.01, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 21 }), (of) => {
      const { fixedMs, perRowMs } = lineThrough(of) as Line;
      assert.ok(
        fixedMs >= 0 && perRowMs >= 0 && Number.isFinite(fixedMs + perRowMs),
        `${fixedMs} ${perRowMs}`,
      );
    }),
  );
});

test('of all lines with neither part negative, none is nearer', () => {
  const point = fc.record({
    rows: fc.integer({ min: 1, max: 64 }),
    ms: fc.double({ min: 0.1, max: 100, noNaN: true }),
    weight: fc.double({ min: 0.1, max: 1, noNaN: true }),
  });
  const error = (of: readonly Point[], { fixedMs, perRowMs }: Line): number =>
    of.reduce((sum, { rows, ms, weight }) => sum + weight * ((fixedMs + perRowMs * rows - ms) / ms) ** 2, 0);
  fc.assert(
    fc.property(fc.array(point, { minLength: 2, maxLength: 8 }), (of) => {
      // One size tells nothing of the two parts.
      fc.pre(new Set(of.map(({ rows }) => rows)).size > 1);
      const line = lineThrough(of) as Line;
      const best = error(of, line);
      for (const [a, b] of [
        [1.02, 1],
        [0.98, 1],
        [1, 1.02],
        [1, 0.98],
        [1.02, 0.99],
        [0.98, 1.01],
      ] as const) {
        const other = { fixedMs: a * line.fixedMs, perRowMs: b * line.perRowMs };
        // Where the points lie on a line, both errors are rounding only, and either may be the smaller.
        assert.ok(error(of, other) >= best * (1 - 1e-6) - 1e-12, `${a} ${b}`);
      }
    }),
  );
});
