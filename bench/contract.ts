/**
 * What the parts of the load harness say to each other: plain data, since a plan goes to generator processes and
 * results come back from them. Times are milliseconds; instants are on the machine-wide monotonic clock.
 */

/** Where the calls go: HTTP/2 without TLS. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** One kind of call in the mix, encoded before the run. */
export interface CallTemplate {
  /** For the report, e.g. `iris x1`. */
  readonly name: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** Request messages without gRPC's 5-byte prefix, taken in turn. At least one. */
  readonly bodies: readonly Uint8Array[];
  /** Share of the mix, relative to the other templates'. */
  readonly weight: number;
  /** Rows of one call, for rows/s. */
  readonly rows: number;
  /** What the answer to each body must be; index-aligned with `bodies`. Absent: answers are not looked at. */
  readonly expect?: readonly ExpectedAnswer[];
  /** Of these calls, instead of the plan's. */
  readonly deadlineMs?: number;
}

/** What an answer must hold. */
export interface ExpectedAnswer {
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    /** The output's elements as raw contents hold them. */
    readonly raw: Uint8Array;
  }[];
  /** Floating-point elements may differ by `absolute + relative * |wanted|`; everything else is compared bit by bit. */
  readonly absolute: number;
  readonly relative: number;
}

/** When calls are meant to start. Closed: as soon as an earlier one has ended. All others are open loop. */
export type Arrivals =
  | { readonly kind: 'closed'; readonly concurrency: number }
  | { readonly kind: 'constant'; readonly ratePerS: number }
  | { readonly kind: 'poisson'; readonly ratePerS: number }
  /** Poisson at `ratePerS` for `onMs`, then silence for `offMs`, again and again. */
  | { readonly kind: 'bursts'; readonly ratePerS: number; readonly onMs: number; readonly offMs: number }
  /** Instants from the start of the measurement, ascending; played once. */
  | { readonly kind: 'trace'; readonly atMs: readonly number[] };

/** One measurement: one point of a sweep, one step of a search. */
export interface LoadPlan {
  readonly target: Target;
  readonly templates: readonly CallTemplate[];
  readonly arrivals: Arrivals;
  /** Calls before the measurement that count for nothing. */
  readonly warmupMs: number;
  readonly durationMs: number;
  /** The measurement ends early after this many calls. */
  readonly maxCalls?: number;
  /** Per generator process. */
  readonly connections: number;
  /** Most calls open at once on a connection; what is meant to start beyond it waits, and that wait is latency. */
  readonly streamsPerConnection: number;
  /** Sent as grpc-timeout; an OK answer after it counts as late. Absent: none. */
  readonly deadlineMs?: number;
  /**
   * Open loops: the generator sleeps at least so long between two looks at the clock, and starts all that is due then. For
   * servers that share its cores and whose answers take many times as long. Absent: starts are exact to a tenth of a
   * millisecond, which costs up to a core.
   */
  readonly tickMs?: number;
  /** Further request headers, ASCII, lower-case names. */
  readonly metadata: readonly (readonly [string, string])[];
  /** Generator processes; rates and concurrency are divided among them. */
  readonly processes: number;
  /** Makes arrivals and the mix repeatable. */
  readonly seed: number;
  /** How long to wait for answers after the last call was meant to start; what is then open counts as `unanswered`. */
  readonly drainMs: number;
}

/** How often each latency was seen, in log-linear buckets: mergeable, and exact to better than 1%. */
export interface LatencyData {
  /** [bucket, count] of the buckets that are not empty, ascending; bucket bounds are in latency-counts.ts. */
  readonly buckets: readonly (readonly [number, number])[];
  readonly minMs: number;
  readonly maxMs: number;
  readonly sumMs: number;
}

/** What happened in one slice of the timeline, by intended start. */
export interface Slice {
  /** From the start of the measurement. */
  readonly atMs: number;
  readonly lengthMs: number;
  readonly offered: number;
  readonly ok: number;
  readonly late: number;
  readonly refused: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Ends of the calls that were meant to start within the measurement. */
export interface Counts {
  /** Meant to start. Equals ok + late + refused + failed + wrong + unanswered. */
  readonly offered: number;
  /** Answered OK, right and in time: what goodput counts. */
  readonly ok: number;
  /** DEADLINE_EXCEEDED, or OK after the deadline. */
  readonly late: number;
  /** UNAVAILABLE or RESOURCE_EXHAUSTED. */
  readonly refused: number;
  /** Every other status, and broken connections. */
  readonly failed: number;
  /** OK, but not the answer that was expected. */
  readonly wrong: number;
  readonly unanswered: number;
  /** By status name; `OK` included. A call cut by its connection counts as `CONNECTION`. */
  readonly byStatus: Readonly<Record<string, number>>;
}

export interface TemplateResult {
  readonly name: string;
  readonly counts: Counts;
  /** Of answers that were OK and right, from the intended start. */
  readonly latency: LatencyData;
}

/** What one measurement found. */
export interface LoadResult {
  readonly arrivals: Arrivals;
  readonly durationMs: number;
  readonly counts: Counts;
  readonly rowsOk: number;
  /** Of answers that were OK and right, from the intended start to the last byte. */
  readonly latency: LatencyData;
  readonly templates: readonly TemplateResult[];
  readonly timeline: readonly Slice[];
  /** How long after their intended start calls were really written, for the generator's own reasons. */
  readonly lateness: LatencyData;
  /** CPU time of the busiest generator process / wall time. */
  readonly busy: number;
  /** Why the figures say more about the generator than about the server; absent when they are good. */
  readonly void?: string;
  /** First few wrong answers and odd failures, for people. */
  readonly samples: readonly string[];
}

/** Seen while a measurement runs, a few times a second. */
export interface Progress {
  readonly phase: 'warmup' | 'measure' | 'drain';
  readonly elapsedMs: number;
  readonly counts: Pick<Counts, 'offered' | 'ok' | 'late' | 'refused' | 'failed'>;
  /** Over the last interval. */
  readonly ratePerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Runs one measurement; rejects when the target cannot be reached at all. */
export type RunLoad = (
  plan: LoadPlan,
  options?: { readonly onProgress?: (progress: Progress) => void; readonly signal?: AbortSignal },
) => Promise<LoadResult>;
