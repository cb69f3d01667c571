/** What was asked for cannot be done; every fault found is in `problems`, so that one run shows them all. */
export class BenchUsageError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'BenchUsageError';
    this.problems = problems;
  }
}
