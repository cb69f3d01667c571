import type { Reason, StatusCode } from '../../../gateway/core/error.js';
import { STATUS_NUMBER } from '../../../gateway/grpc/status.js';
import { HTTP_STATUS } from '../../../gateway/http/status.js';

/** What a page says of a status code. The compiler asks for every code, and for none that does not exist. */
interface CodeText {
  readonly when: string;
  readonly todo: string;
  /** `sluice`: made by its own code. `transport`: by the gRPC library under it. `never`: not sent today. */
  readonly by: 'sluice' | 'transport' | 'never';
}

const NEVER = (why: string): CodeText => ({ when: `Never today: ${why}.`, todo: '', by: 'never' });

export const CODES: Readonly<Record<StatusCode, CodeText>> = {
  INVALID_ARGUMENT: {
    by: 'sluice',
    when: 'The request does not fit the model: an input is missing, unknown, given twice, or of the wrong datatype, shape or length; a version is no number; an output does not exist.',
    todo: 'Change the request; the message names the input, what was given and what is wanted. A retry will not help.',
  },
  NOT_FOUND: {
    by: 'sluice',
    when: 'No model, or no version of it, has this name. Health: no such service.',
    todo: 'Compare with `sluice models`; see `versionPolicy` where the version exists on disk.',
  },
  UNAVAILABLE: {
    by: 'sluice',
    when: 'The request is fine, but cannot be served now: the queue or the byte budget is full, the model is loading or failed to load, workers were lost, the server is draining.',
    todo: 'Retry after the push-back (`grpc-retry-pushback-ms`, RetryInfo, `Retry-After`), on another replica if there is one.',
  },
  DEADLINE_EXCEEDED: {
    by: 'sluice',
    when: "The call's deadline passed, in the queue or in the model; or the server's own maximum did (`grpc.maxDeadlineMs`).",
    todo: 'Allow more time, or add capacity: see `sluice_request_queue_duration_seconds`.',
  },
  CANCELLED: {
    by: 'sluice',
    when: 'The caller went away. A request that was still queued is not run.',
    todo: 'Nothing.',
  },
  RESOURCE_EXHAUSTED: {
    by: 'sluice',
    when: 'The request or its answer is larger than `grpc.maxMessageBytes`, or its headers are larger than 16 KiB.',
    todo: 'Send less at once, or raise the limit on the server and in the client.',
  },
  FAILED_PRECONDITION: {
    by: 'sluice',
    when: 'A model file cannot be served, or an address cannot be listened on. It is the reason in `sluice models`, in the log, or of a failed start (exit code 78). An inference ends so when its model version is in quarantine, since it ends one worker after the other.',
    todo: 'Mend what the message names.',
  },
  PERMISSION_DENIED: {
    by: 'sluice',
    when: 'The roles of the token do not allow the call (`auth.tokensFile`). A call that changes the server came to the gRPC port: `sluice.v1.Admin`; LogSettings or TraceSetting without `--allow-runtime-settings`.',
    todo: 'Have the role added to the token. Call the admin listener, or have the server started with `--allow-admin-on-grpc`; leave out `settings` to read them.',
  },
  UNIMPLEMENTED: {
    by: 'sluice',
    when: 'The method is not served, or a field of it is not.',
    todo: 'Use what `grpcurl list` shows.',
  },
  INTERNAL: {
    by: 'sluice',
    when: 'The model failed on a valid input or gave a wrong output; the message could not be parsed as protobuf; or a bug of Sluice.',
    todo: 'Look at the model first, then at the log under the request id.',
  },
  UNKNOWN: {
    by: 'sluice',
    when: "HandleReloadConfigRequest: a model of the new list did not become available, in TensorFlow Serving's code and words; everything is as it was.",
    todo: 'Mend what the message names. Whatever is not foreseen ends INTERNAL.',
  },
  ALREADY_EXISTS: NEVER('nothing is created'),
  ABORTED: {
    by: 'sluice',
    when: 'A change of labels was to be made at a generation (`if_generation`) that others have gone past, or others made changes all the time.',
    todo: 'Look at `sluice versions` and decide anew.',
  },
  OUT_OF_RANGE: NEVER('what is out of bounds is INVALID_ARGUMENT'),
  DATA_LOSS: NEVER('nothing is stored'),
  UNAUTHENTICATED: {
    by: 'sluice',
    when: 'The server wants tokens (`auth.tokensFile`), and the call has none, or one that is not in the file. The answer is the same whatever was asked for.',
    todo: 'Send `authorization: Bearer <token>`; with the command line `--token-file` or `SLUICE_TOKEN`.',
  },
};

export const REASONS: Readonly<Record<Reason, string>> = {
  queue_full:
    'Too many rows wait for the model (`queue.maxQueueRows`), or too many calls are in flight (`queue.maxCallsInFlight`).',
  byte_budget: 'Requests hold too many bytes (`queue.maxQueueBytes`).',
  backlog:
    'It could not be answered by its deadline behind what waits already (`queue.admission`), so it was refused at once.',
  early_drop:
    'It waited, and could no longer be answered by its deadline (`queue.earlyDrop`); dropped before it cost a run.',
  too_short: 'Its deadline is shorter than its run takes on an idle server.',
  queue_timeout:
    "It waited for the time that the model's queue policy gives (`dynamic_batching` in config.pbtxt).",
  quota: "The caller's own quota is spent (`callers`).",
  front_end: 'Turned away before it was read, since reading requests is itself the bottleneck.',
  unauthenticated: 'The call had no token, or one that is not known (`auth.tokensFile`).',
  denied: 'The roles of the token do not allow the call.',
  no_worker: 'No worker came up in time.',
  draining: 'The server is shutting down.',
  deadline_passed: 'The deadline passed before there was an answer.',
  cancelled: 'The caller went away.',
  bad_request: 'The request does not fit the model or the protocol.',
  unknown_model: 'No such model or version, or it is not available.',
  poison:
    'The request has ended every worker that ran it, and is to blame, since it ran alone. The same input is refused for ten minutes.',
  quarantined:
    'Its model version has ended several workers without a success in between. It is not run for a while, then tried on one worker.',
  worker_fault: 'The worker died or was lost, more often than a retry could mend.',
  model_error: 'The model failed on the request, or cannot be loaded.',
  internal: 'A bug of Sluice. The log has the cause under the request id.',
};

/** The text of docs/ERRORS.md. */
export function errorsPage(): string {
  const codes = (Object.entries(CODES) as [StatusCode, CodeText][]).map(
    ([code, { when, todo }]) =>
      `| \`${code}\` | ${STATUS_NUMBER[code]} | ${HTTP_STATUS[code]} | ${when} | ${todo} |`,
  );
  const reasons = Object.entries(REASONS).map(([reason, when]) => `| \`${reason}\` | ${when} |`);
  return `# Errors

Generated by \`npm run docs\` from \`test/support/docs/errors-page.ts\`; tests keep it equal to the code.

Every failure is one status code with a message of at most 1 KiB that says what was done, to what, what was given and
what is wanted. gRPC sends the code's number; HTTP sends the status beside it, with the body \`{"error": "…", "code": "…"}\`. Where a
retry may help the answer says when: \`grpc-retry-pushback-ms\` and \`google.rpc.RetryInfo\`, or \`Retry-After\`. Where one
field of the request is at fault, \`google.rpc.BadRequest\` names it.

## Status codes

| code | gRPC | HTTP | when | what to do |
| --- | --- | --- | --- | --- |
${codes.join('\n')}

## Reasons

The label \`reason\` of \`sluice_requests_refused_total\`, and the field \`reason\` of log lines:

| reason | when |
| --- | --- |
${reasons.join('\n')}
`;
}
