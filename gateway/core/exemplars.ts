import type { BatchTrace } from './batch-trace.js';
import type { CallTrace } from './call-trace.js';
import type { SpanIdentity } from './span-identity.js';

/**
 * Told of what has its spans made, with the trace that they are in: so each exemplar of a histogram leads to a trace that
 * can be looked at. telemetry/ implements it.
 */
export interface ExemplarRecorder {
  /** A call, or a request of a stream, that is over. */
  called(trace: CallTrace, identity: SpanIdentity): void;
  /** A batch that is over. */
  ran(batch: BatchTrace, identity: SpanIdentity): void;
}
