/** How often something happened, and how long it took in all. */
export interface DurationSum {
  readonly count: number;
  readonly ms: number;
}

/** The runs of so many rows. */
export interface BatchStatistics {
  readonly rows: number;
  readonly input: DurationSum;
  readonly compute: DurationSum;
  readonly output: DurationSum;
}

/** What a model version has done since it was loaded. Nothing in it ever goes down. */
export interface VersionStatistics {
  /** When a batch last ran, in milliseconds since the epoch; 0 for never. */
  readonly lastInferenceMs: number;
  /** Rows that were run. */
  readonly inferences: number;
  /** Runs of the model. */
  readonly executions: number;
  /** Requests answered, and their time from arrival to answer. */
  readonly success: DurationSum;
  /** Requests that failed after their version was known, and their time. */
  readonly fail: DurationSum;
  /** Of the requests answered: their waiting for a worker. */
  readonly queue: DurationSum;
  /** Of the requests answered: the run that each was part of, in full for each. */
  readonly compute: DurationSum;
  /** Likewise: copying the rows of its batch together, and handing them back. */
  readonly input: DurationSum;
  readonly output: DurationSum;
  /** Runs by rows, ascending. */
  readonly batches: readonly BatchStatistics[];
}

/** Where the figures of each model version are read: telemetry/statistics, as the protocols see it. */
export interface StatisticsSource {
  /** All zero for a version that nothing was recorded of. */
  read(model: string, version: number): VersionStatistics;
}
