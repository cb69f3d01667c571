import type { AdminCall } from '../client/admin.js';
import { printable } from './io.js';

/** What to look at, or to do, by the reason that the server gives. */
const NEXT: Readonly<Record<string, string>> = {
  queue_full: 'the queue was full: more workers, a larger queue.maxQueueRows, or fewer calls',
  byte_budget:
    'tensors that wait or run took all of queue.maxQueueBytes: smaller requests, fewer at once, or a larger budget',
  backlog:
    'what waited before it would have taken longer than its deadline: more workers, fewer calls, or a longer deadline',
  early_drop: 'it could no longer be done in time, and was dropped before it cost a run: see backlog',
  too_short: 'its deadline is shorter than one run on an idle server: a longer deadline',
  queue_timeout: "it waited for as long as its model's queue policy allows",
  quota: "its caller's own quota was spent: callers in docs/CONFIG.md",
  front_end: 'the main thread was the bottleneck: more servers, or larger batches in one call',
  no_worker: 'no worker was in rotation: "sluice models", and the log about workers that ended',
  draining: 'the server was about to stop: clients should try another one',
  deadline_passed: 'its deadline passed: compare total with queue and run below',
  quarantined: 'its model version ended one worker after the other: "sluice rollback", or repair it',
  poison: 'it ends the worker that runs it: the same input is refused for a while',
  worker_fault: 'the worker that ran it was lost, and no other could run it in time',
  model_error: 'the model itself refused or failed on this input',
  bad_request:
    'the request does not fit the model, or the model refused it: "sluice models <model>" shows the signature',
  unknown_model: 'there is no such model or version here: "sluice models" lists what there is',
  unauthenticated: 'it showed no token that is known',
  denied: "its token's roles do not allow it",
  internal: 'a bug of the server: the log has its cause',
};

/** One call, in words. */
export function whyText(call: AdminCall): string {
  const { fate, requestId, traceId, model, version, code, reason, message, atMs } = call;
  const name = requestId === '' ? '(no request id)' : printable(requestId);
  const what = reason === '' ? code : `${code} (${printable(reason)})`;
  const lines = [
    `${name}  ${fate}, ${what}`,
    `  model   ${printable(model)}${version === undefined ? '' : ` version ${version}`}`,
    `  ended   ${new Date(atMs).toISOString()}`,
    ...(traceId === '' ? [] : [`  trace   ${printable(traceId)}`]),
    `  time    ${timesOf(call)}`,
    ...(message === '' ? [] : [`  why     ${printable(message)}`]),
  ];
  const next = fate === 'slow' ? slowNext(call) : NEXT[reason];
  if (next !== undefined) lines.push(`  next    ${next}`);
  return `${lines.join('\n')}\n`;
}

function timesOf({ totalMs, queueMs, computeMs, batchRows }: AdminCall): string {
  const parts = [`${ms(totalMs)} in all`];
  if (queueMs !== undefined) parts.push(`${ms(queueMs)} in the queue`);
  if (computeMs !== undefined) parts.push(`${ms(computeMs)} in a run of ${batchRows ?? '?'} rows`);
  return parts.join(', ');
}

/** Where most of its time went says where to look. */
function slowNext({ totalMs, queueMs = 0, computeMs = 0 }: AdminCall): string {
  const elsewhere = totalMs - queueMs - computeMs;
  if (queueMs >= computeMs && queueMs >= elsewhere)
    return 'most of it was waiting: more workers, or fewer calls; "sluice top" shows how busy they are';
  if (computeMs >= elsewhere)
    return 'most of it was the run itself: a slower version than before? "sluice versions", "sluice rollback"';
  return "most of it was neither queue nor run: a busy main thread, or a large message; see the event loop's delay";
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}
