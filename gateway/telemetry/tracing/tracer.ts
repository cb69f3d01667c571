import type { BatchTrace } from '../../core/batch-trace.js';
import { CallTrace, type CallTracer, type TracedCall, type TraceSink } from '../../core/call-trace.js';
import type { ExemplarRecorder } from '../../core/exemplars.js';
import type { Logger } from '../../core/logger.js';
import type { SpanIdentity } from '../../core/span-identity.js';
import { batchSpans } from './batch-spans.js';
import { type CallSpanOptions, callSpan, queueSpan } from './call-spans.js';
import { newSpanId, newTraceId } from './ids.js';
import type { KeptCalls } from './kept-calls.js';
import type { Sampler } from './sampler.js';
import { childOf } from './span.js';
import type { SpanQueue } from './span-queue.js';
import { readTraceContext, type TraceContext } from './trace-context.js';

export interface TracerOptions extends CallSpanOptions {
  /** Undefined: nothing is exported, and calls are noted only for clients that ask for their timeline. */
  readonly out:
    | {
        readonly sampler: Sampler;
        readonly queue: SpanQueue;
        readonly kept: KeptCalls;
        readonly exemplars: ExemplarRecorder;
      }
    | undefined;
  /** Calls that take longer are kept, sampled or not. */
  readonly slowMs: number;
  /** Whether clients may ask for their timeline. */
  readonly debug: boolean;
  /** Calls back when this turn of the event loop is over. */
  readonly soon: (fn: () => void) => void;
  readonly logger: Logger;
}

/** Notes calls, and makes spans of those that are sampled, failed or were slow: when they are over, and not before. */
export class Tracer implements CallTracer, TraceSink {
  readonly debug: boolean;
  readonly #options: TracerOptions;
  readonly #out: TracerOptions['out'];
  /** Batches whose spans are to be made when this turn is over: by then it is known which of their calls are kept. */
  #batches: BatchTrace[] = [];

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#out = options.out;
    this.debug = options.debug;
  }

  get active(): boolean {
    return this.#out?.sampler.active === true;
  }

  begin(call: TracedCall): CallTrace {
    return new CallTrace(this, call);
  }

  ended(trace: CallTrace): void {
    if (this.#out === undefined || !this.#out.sampler.active) return;
    try {
      if (this.#wanted(trace)) this.#make(trace);
    } catch (thrown) {
      // A bug; the call itself has nothing to do with it.
      this.#options.logger.error({ err: thrown }, 'the spans of a call could not be made');
    }
  }

  identify({ call, stream }: CallTrace): SpanIdentity {
    const spanId = newSpanId();
    if (stream !== undefined) return childOf(stream.identify(), spanId);
    const parent = readTraceContext(call.fields);
    if (parent === undefined)
      return { traceId: newTraceId(), spanId, parentSpanId: '', remoteParent: false, state: '' };
    const { traceId, spanId: parentSpanId, state } = parent;
    return { traceId, spanId, parentSpanId, remoteParent: true, state };
  }

  #wanted(trace: CallTrace): boolean {
    if (trace.kept || this.#sampled(trace)) return true;
    const { sampler, kept } = this.#out as NonNullable<TracerOptions['out']>;
    const slow = trace.endedAt - trace.startedAt >= this.#options.slowMs;
    const lasting = trace.stream === undefined && trace.call.lasting === true;
    const failed = trace.error !== undefined || trace.httpStatus >= 400;
    if (!failed && !(slow && !lasting)) return false;
    if (!sampler.on(trace.model) || !kept.take()) return false;
    // Its parent must be there, too.
    if (trace.stream !== undefined) trace.stream.kept = true;
    return true;
  }

  /** A stream's requests are sampled with it: their parent would be missing otherwise. */
  #sampled(trace: CallTrace): boolean {
    if (trace.stream !== undefined) return this.#sampled(trace.stream);
    trace.sampled ??= this.#out?.sampler.wants(trace.model, this.#parentOf(trace)) === true;
    return trace.sampled;
  }

  #parentOf({ call }: CallTrace): TraceContext | undefined {
    return readTraceContext(call.fields);
  }

  #make(trace: CallTrace): void {
    const { queue, exemplars } = this.#out as NonNullable<TracerOptions['out']>;
    if (queue.full) {
      queue.drop(trace.queuedAt === 0 ? 1 : 2);
      return;
    }
    trace.kept = true;
    const identity = trace.identify();
    const links: SpanIdentity[] = [];
    for (let { batch } = trace; batch !== undefined; batch = batch.halfOf) {
      if (batch.identity !== undefined) links.push(batch.identity);
      else this.#claim(batch, identity);
    }
    queue.add(callSpan(trace, identity, links, this.#options));
    const queued = queueSpan(trace, identity);
    if (queued !== undefined) queue.add(queued);
    exemplars.called(trace, identity);
  }

  /** The spans of a batch are made once, when it is over, in the trace of the first of its requests that has one. */
  #claim(batch: BatchTrace, parent: SpanIdentity): void {
    batch.identity = childOf(parent, newSpanId());
    if (batch.endedAt === 0) batch.onEnd = () => this.#later(batch);
    else this.#later(batch);
  }

  #later(batch: BatchTrace): void {
    this.#batches.push(batch);
    if (this.#batches.length === 1) this.#options.soon(this.flush);
  }

  /** Makes what spans are still to be made. To be called before the queue is closed. */
  readonly flush = (): void => {
    for (const batch of this.#batches.splice(0)) {
      if (batch.identity === undefined) continue;
      for (const span of batchSpans(batch, batch.identity)) this.#out?.queue.add(span);
      this.#out?.exemplars.ran(batch, batch.identity);
    }
  };
}
