/** A line: what a batch takes however small it is, and what each row adds. */
export interface Line {
  readonly fixedMs: number;
  readonly perRowMs: number;
}

/** A batch size and its time. */
export interface Point {
  readonly rows: number;
  readonly ms: number;
  readonly weight: number;
}

/**
 * The line a + c*b with a, c >= 0 that is nearest to the points, by weighted least squares of the relative errors: a size that runs
 * for 1 ms counts as much as one that runs for 100. Undefined without points.
 */
export function lineThrough(points: readonly Point[]): Line | undefined {
  let w = 0;
  let x = 0;
  let y = 0;
  let xx = 0;
  let xy = 0;
  for (const { rows, ms, weight } of points) {
    const of = weight / Math.max(ms, 1e-6) ** 2;
    w += of;
    x += of * rows;
    y += of * ms;
    xx += of * rows * rows;
    xy += of * rows * ms;
  }
  if (!(w > 0)) return undefined;
  const determinant = w * xx - x * x;
  // One size only (but for rounding): nothing tells a from c, so the time is taken as proportional to the rows.
  if (determinant <= 1e-9 * w * xx) return { fixedMs: 0, perRowMs: y / x };
  const perRowMs = (w * xy - x * y) / determinant;
  const fixedMs = (y - perRowMs * x) / w;
  if (perRowMs < 0) return { fixedMs: y / w, perRowMs: 0 };
  // Noise can tilt the line until it starts below zero: then the best one through the origin.
  return fixedMs >= 0 ? { fixedMs, perRowMs } : { fixedMs: 0, perRowMs: xy / xx };
}
