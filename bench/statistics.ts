/** How much a set of paired differences shifts, with a 95% confidence interval. */
export interface Shift {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
  readonly method: 'wilcoxon' | 'student' | 'none';
}

/** 97.5% quantiles of Student's t for 1 to 4 degrees of freedom; from 6 pairs on the ranks are enough. */
const STUDENT_T = [12.7062, 4.3027, 3.1824, 2.7764];

/** The fewest pairs with which a 95% interval of signed ranks exists: 2 / 2^6 is below 5%. */
const MIN_RANK_PAIRS = 6;

/**
 * The shift of paired differences. From 6 pairs: Hodges and Lehmann's estimate (the median of all means of two) with
 * the exact interval of Wilcoxon's signed ranks, which one wild measurement cannot move. From 2: Student's interval,
 * wide for so few. With one pair nothing can be said: the interval is endless.
 */
export function pairedShift(differences: readonly number[]): Shift {
  const pairs = differences.length;
  if (pairs === 0) return endless(Number.NaN, 0);
  if (pairs === 1) return endless(differences[0] as number, 1);
  return pairs < MIN_RANK_PAIRS ? student(differences) : wilcoxon(differences);
}

function endless(estimate: number, pairs: number): Shift {
  return {
    estimate,
    low: Number.NEGATIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
    pairs,
    method: 'none',
  };
}

function student(differences: readonly number[]): Shift {
  const pairs = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / pairs;
  const squares = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = (STUDENT_T[pairs - 2] as number) * Math.sqrt(squares / (pairs - 1) / pairs);
  return { estimate: mean, low: mean - half, high: mean + half, pairs, method: 'student' };
}

function wilcoxon(differences: readonly number[]): Shift {
  const pairs = differences.length;
  const means: number[] = [];
  for (let i = 0; i < pairs; i++) {
    for (let j = i; j < pairs; j++) means.push(((differences[i] as number) + (differences[j] as number)) / 2);
  }
  means.sort((left, right) => left - right);
  const half = means.length / 2;
  const middle = ((means[Math.ceil(half) - 1] as number) + (means[Math.floor(half)] as number)) / 2;
  const cut = signedRankCut(pairs);
  return {
    estimate: middle,
    low: means[cut - 1] as number,
    high: means[means.length - cut] as number,
    pairs,
    method: 'wilcoxon',
  };
}

/**
 * Which of the sorted means bounds the interval: the largest k with P(rank sum <= k - 1) <= 2.5%. The distribution is
 * counted: each rank is in the sum or not.
 */
function signedRankCut(pairs: number): number {
  if (pairs > 50) {
    const count = (pairs * (pairs + 1)) / 2;
    const deviation = Math.sqrt((pairs * (pairs + 1) * (2 * pairs + 1)) / 24);
    return Math.max(1, Math.floor(count / 2 - 1.96 * deviation));
  }
  let ways = [1];
  for (let rank = 1; rank <= pairs; rank++) {
    const next = new Array<number>(ways.length + rank).fill(0);
    for (const [sum, number] of ways.entries()) {
      next[sum] = (next[sum] as number) + number;
      next[sum + rank] = (next[sum + rank] as number) + number;
    }
    ways = next;
  }
  let below = 0;
  let cut = 0;
  while (below + (ways[cut] as number) <= 0.025 * 2 ** pairs) {
    below += ways[cut] as number;
    cut++;
  }
  return cut;
}
