import type { SpanIdentity } from '../../core/span-identity.js';

/** By name, values as OTLP knows them. */
export type Attributes = Record<string, string | number | boolean>;

/** A span as it is made here: finished, on the Clock's scale, and of no library. */
export class SpanData {
  readonly name: string;
  readonly kind: 'server' | 'internal';
  readonly identity: SpanIdentity;
  readonly startedAt: number;
  readonly endedAt: number;
  /** What went wrong; undefined where nothing did that is this server's. `''` is no more than that something did. */
  readonly error: string | undefined;
  readonly attributes: Readonly<Attributes>;
  readonly links: readonly SpanIdentity[];
  /** Links that were left out. */
  readonly droppedLinks: number;

  constructor(
    name: string,
    kind: 'server' | 'internal',
    identity: SpanIdentity,
    startedAt: number,
    endedAt: number,
    error: string | undefined,
    attributes: Readonly<Attributes>,
    links: readonly SpanIdentity[],
    droppedLinks = 0,
  ) {
    this.name = name;
    this.kind = kind;
    this.identity = identity;
    this.startedAt = startedAt;
    this.endedAt = endedAt;
    this.error = error;
    this.attributes = attributes;
    this.links = links;
    this.droppedLinks = droppedLinks;
  }
}

/** A span below another one, in its trace. */
export function childOf(
  { traceId, spanId: parentSpanId, state }: SpanIdentity,
  spanId: string,
): SpanIdentity {
  return { traceId, spanId, parentSpanId, remoteParent: false, state };
}

/** Longest text of an attribute, in UTF-16 units: what a client sends must not make spans grow. */
const MAX_TEXT = 256;

/** Client text as an attribute: bounded and well formed. */
export function bounded(text: string, max = MAX_TEXT): string {
  return (text.length > max ? `${text.slice(0, max - 1)}…` : text).toWellFormed();
}
