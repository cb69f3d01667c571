/**
 * MLPerf's early-stopping rule: how many calls must be seen before "p99 is below the bound" may be said.
 *
 * A call is over the bound with some unknown probability. Were that 1 - p or more, then t or fewer calls over it among
 * h + t would be seen with a probability of at most `odds(h, t, p)`. When that is below 1 - confidence, the run has
 * shown that the percentile meets the bound. Source: the early-stopping appendix of the MLPerf inference rules and its
 * load generator, which uses a confidence of 0.99 and no tolerance.
 */

/** MLPerf's. */
const CONFIDENCE = 0.99;

/**
 * The fewest calls under the bound with which a run that has `over` calls above it passes.
 *
 * @param over calls above the bound, an integer from 0
 * @param percentile as a fraction, e.g. 0.99
 */
export function minPassingUnder(over: number, percentile: number, confidence = CONFIDENCE): number {
  // A run can pass only above the percentile itself, so the search starts there.
  let low = Math.floor((over * percentile) / (1 - percentile));
  let step = Math.ceil(Math.log(1 - confidence) / Math.log(percentile)) + 1;
  let high = low + step;
  while (odds(high, over, percentile) >= 1 - confidence) {
    low = high;
    step *= 2;
    high += step;
  }
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (odds(middle, over, percentile) < 1 - confidence) high = middle;
    else low = middle + 1;
  }
  return low;
}

export type BoundVerdict = 'met' | 'missed' | 'too-few';

/**
 * Whether a percentile meets its bound. `too-few`: so it looks, but with so few calls that may be chance.
 */
export function judgeBound(under: number, over: number, percentile: number): BoundVerdict {
  const total = under + over;
  if (total > 0 && over > total * (1 - percentile)) return 'missed';
  return under >= minPassingUnder(over, percentile) ? 'met' : 'too-few';
}

/** Probability of at most `over` events in `under + over` trials, each of which is one with probability 1 - p. */
function odds(under: number, over: number, p: number): number {
  if (under <= 0) return 1;
  return regularizedBeta(p, under, over + 1);
}

/** The regularized incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22. */
function regularizedBeta(x: number, a: number, b: number): number {
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast below the mean; above it the mirrored one does.
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a;
  return 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Evaluates the fraction from the front (the modified method of Lentz). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const change = d * c;
    result *= change;
    if (Math.abs(change - 1) < 1e-14) break;
  }
  return result;
}

/** ln Γ(x) for x >= 1: Stirling's series, reached by the recurrence from small x. */
function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  while (y < 10) {
    shift += Math.log(y);
    y++;
  }
  const inverse = 1 / (y * y);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / y;
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
