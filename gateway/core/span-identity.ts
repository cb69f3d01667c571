/** What a span is known by, and where it belongs. */
export interface SpanIdentity {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** `''` for the first span of a trace. */
  readonly parentSpanId: string;
  /** Whether the parent is a client's. */
  readonly remoteParent: boolean;
  /** The client's `tracestate`; `''` for none. */
  readonly state: string;
}
