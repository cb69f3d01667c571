import type { CallTrace } from '../../core/call-trace.js';
import { KEPT_BACK } from '../../core/error.js';
import { OTHER } from '../../core/recorder.js';
import type { SpanIdentity } from '../../core/span-identity.js';
import { readBaggage } from './baggage.js';
import { newSpanId } from './ids.js';
import { type Attributes, bounded, childOf, SpanData } from './span.js';
import { isServerFault, numberOf } from './status.js';

/** What of a call's span can be chosen. */
export interface CallSpanOptions {
  /** Keys of `baggage` that become attributes. */
  readonly baggage: readonly string[];
  /** Whether the names that the RPC conventions had before they were stable are given, too. */
  readonly oldNames: boolean;
}

const NO_LINKS: readonly SpanIdentity[] = [];

/**
 * The span of a call that is over: its server span or, of a request within a stream, one of the stream's. `links`: the batches
 * whose spans are in other traces. (Attributes are set one by one: objects that are spread cost ten times as much.)
 */
export function callSpan(
  trace: CallTrace,
  identity: SpanIdentity,
  links: readonly SpanIdentity[],
  options: CallSpanOptions,
): SpanData {
  const { call, stream, error, httpStatus } = trace;
  const name = call.method === '' ? OTHER : call.method;
  const attributes: Attributes = {};
  if (stream === undefined) {
    if (call.protocol === 'http') addHttp(attributes, name, httpStatus);
    else addRpc(attributes, trace, name, options);
    addPeer(attributes, call.peer);
    for (const [key, value] of readBaggage(call.fields, options.baggage))
      attributes[`baggage.${key}`] = bounded(value);
  }
  if (error !== undefined) {
    attributes['error.type'] = httpStatus > 0 ? String(httpStatus) : error.code;
    if (error.details.reason !== undefined) attributes['sluice.reason'] = error.details.reason;
  }
  addRequest(attributes, trace);
  return new SpanData(
    stream === undefined ? name : `${name} request`,
    stream === undefined ? 'server' : 'internal',
    identity,
    trace.startedAt,
    trace.endedAt,
    isFault(trace) ? bounded(error?.details.secret ? KEPT_BACK : (error?.message ?? ''), 1024) : undefined,
    attributes,
    links,
  );
}

const NO_ATTRIBUTES: Attributes = {};

/** The span of a call's time in the queue, of which all is said by the call's; undefined where it never got there. */
export function queueSpan(trace: CallTrace, parent: SpanIdentity): SpanData | undefined {
  const { queuedAt, sentAt, endedAt } = trace;
  if (queuedAt === 0) return undefined;
  const identity = childOf(parent, newSpanId());
  return new SpanData(
    'queue',
    'internal',
    identity,
    queuedAt,
    sentAt || endedAt,
    undefined,
    NO_ATTRIBUTES,
    NO_LINKS,
  );
}

/** Where it was answered in HTTP's terms, the status decides: https://opentelemetry.io/docs/specs/semconv/http/http-spans. */
function isFault({ error, httpStatus }: CallTrace): boolean {
  return httpStatus > 0 ? httpStatus >= 500 : error !== undefined && isServerFault(error.code);
}

function addHttp(attributes: Attributes, name: string, status: number): void {
  const [method = '', route] = name.split(' ', 2);
  attributes['http.request.method'] = method;
  if (route !== undefined) attributes['http.route'] = route;
  if (status > 0) attributes['http.response.status_code'] = status;
}

function addRpc(
  attributes: Attributes,
  { call, error, httpStatus }: CallTrace,
  name: string,
  { oldNames }: CallSpanOptions,
): void {
  const code = error?.code ?? 'OK';
  attributes['rpc.system.name'] = 'grpc';
  attributes['rpc.method'] = name;
  if (httpStatus === 0) attributes['rpc.status_code'] = code;
  else attributes['http.response.status_code'] = httpStatus;
  if (call.method === '') attributes['rpc.method_original'] = bounded(call.original);
  if (!oldNames) return;
  const slash = name.indexOf('/');
  attributes['rpc.system'] = 'grpc';
  if (slash > 0) attributes['rpc.service'] = name.slice(0, slash);
  attributes['rpc.grpc.status_code'] = numberOf(code);
  attributes['rpc.response.status_code'] = code;
}

/** `address:port`, `[v6]:port` or `unix`, maybe with a name behind it. */
function addPeer(attributes: Attributes, peer: string): void {
  const space = peer.indexOf(' ');
  const place = space < 0 ? peer : peer.slice(0, space);
  const colon = place.lastIndexOf(':');
  const hasPort = colon > 0 && !place.endsWith(']');
  const host = hasPort ? place.slice(0, colon) : place;
  if (host === '') return;
  attributes['network.peer.address'] = host.startsWith('[') ? host.slice(1, -1) : host;
  if (hasPort) attributes['network.peer.port'] = Number(place.slice(colon + 1));
}

function addRequest(attributes: Attributes, trace: CallTrace): void {
  const { model, requestId, queued, sentAt, endedAt } = trace;
  if (model !== '') attributes['sluice.model'] = bounded(model);
  if (requestId !== '') attributes['sluice.request.id'] = bounded(requestId);
  if (queued === undefined) return;
  attributes['sluice.version'] = queued.lane.manifest.version;
  attributes['sluice.rows'] = queued.rows;
  attributes['sluice.queue.ms'] = (sentAt || endedAt) - queued.submittedAt;
}
