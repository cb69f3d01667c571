/** For each bucket of one histogram series its newest value whose trace is kept: preallocated cells, as the counts are. */
export class Exemplars {
  readonly #values: Float64Array;
  /** Seconds since 1970; 0 where there is none. */
  readonly #at: Float64Array;
  readonly #traceIds: string[];
  readonly #spanIds: string[];

  constructor(buckets: number) {
    this.#values = new Float64Array(buckets);
    this.#at = new Float64Array(buckets);
    this.#traceIds = new Array<string>(buckets).fill('');
    this.#spanIds = new Array<string>(buckets).fill('');
  }

  set(bucket: number, value: number, { traceId, spanId }: SpanOfValue, epochSeconds: number): void {
    this.#values[bucket] = value;
    this.#at[bucket] = epochSeconds;
    this.#traceIds[bucket] = traceId;
    this.#spanIds[bucket] = spanId;
  }

  /** Undefined where the bucket has none. */
  get(bucket: number): Exemplar | undefined {
    const timestamp = this.#at[bucket] as number;
    if (timestamp === 0) return undefined;
    // As Prometheus and those who draw its data know them.
    const labelSet = { trace_id: this.#traceIds[bucket] as string, span_id: this.#spanIds[bucket] as string };
    return { labelSet, value: this.#values[bucket] as number, timestamp };
  }
}

/** Where a value was measured: ids as in SpanIdentity. */
export interface SpanOfValue {
  readonly traceId: string;
  readonly spanId: string;
}

/** As prom-client writes it. */
export interface Exemplar {
  readonly labelSet: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}
