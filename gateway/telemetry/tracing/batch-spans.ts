import type { BatchTrace, RunTrace } from '../../core/batch-trace.js';
import type { SpanIdentity } from '../../core/span-identity.js';
import { newSpanId } from './ids.js';
import { type Attributes, bounded, childOf, SpanData } from './span.js';

/** Most links of a span: what OpenTelemetry allows by default. */
const MAX_LINKS = 128;

/**
 * The spans of a batch that is over: one for it, linked to those of all its requests that are kept, and one for each of its
 * runs as the worker measured it.
 */
export function batchSpans(batch: BatchTrace, identity: SpanIdentity): SpanData[] {
  const last = batch.runs.at(-1);
  const failed = last !== undefined && last.outcome !== 'success';
  const attributes = about(batch, last ?? batch);
  attributes['sluice.attempts'] = batch.runs.length;
  const links: SpanIdentity[] = [];
  let dropped = 0;
  for (const { trace } of batch.members) {
    if (trace === undefined || !trace.kept) continue;
    if (links.length < MAX_LINKS) links.push(trace.identify());
    else dropped++;
  }
  const { formedAt, endedAt } = batch;
  const error = failed ? bounded(last.reason) : undefined;
  const spans = [
    new SpanData('batch', 'internal', identity, formedAt, endedAt, error, attributes, links, dropped),
  ];
  for (const run of batch.runs) spans.push(runSpan(batch, run, identity));
  return spans;
}

const NO_LINKS: readonly SpanIdentity[] = [];

function runSpan(batch: BatchTrace, run: RunTrace, parent: SpanIdentity): SpanData {
  const { startedAt } = run;
  const endedAt = run.endedAt || batch.endedAt;
  const attributes = about(batch, run);
  attributes['sluice.worker'] = run.worker;
  attributes['sluice.attempt'] = run.attempt;
  attributes['sluice.outcome'] = run.outcome;
  attributes['sluice.queue.ms'] = queuedMs(batch, run);
  if (run.predictedMs !== undefined) attributes['sluice.predicted.ms'] = run.predictedMs;
  attributes['sluice.actual.ms'] = endedAt - startedAt;
  const error = run.outcome === 'success' ? undefined : bounded(run.reason);
  const identity = childOf(parent, newSpanId());
  return new SpanData('run', 'internal', identity, startedAt, endedAt, error, attributes, NO_LINKS);
}

function about(
  { model, version, why }: BatchTrace,
  { rows, requests }: { rows: number; requests: number },
): Attributes {
  return {
    'sluice.model': model,
    'sluice.version': version,
    'sluice.batch.closed': why,
    'sluice.batch.rows': rows,
    'sluice.batch.requests': requests,
  };
}

/** What the request that waited longest had waited when its rows were sent. */
function queuedMs({ members }: BatchTrace, { sentAt }: RunTrace): number {
  let longest = 0;
  for (const { trace } of members)
    if (trace !== undefined && trace.queuedAt > 0) longest = Math.max(longest, sentAt - trace.queuedAt);
  return longest;
}
