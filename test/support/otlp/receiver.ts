import { EventEmitter } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Server, ServerCredentials, type ServiceDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { REPOSITORY_ROOT } from '../use-gateway.js';

/** A span as it came, in plain values. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** `''` for none. */
  readonly parentSpanId: string;
  readonly state: string;
  readonly name: string;
  readonly kind: 'server' | 'internal' | 'other';
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Span ids. */
  readonly links: readonly string[];
  readonly error: string | undefined;
  readonly remoteParent: boolean;
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

/** How the receiver answers. */
export type Manner = 'takes' | 'refuses' | 'hangs' | 'rejects some' | 'slow';

/** How long a slow one takes to answer. */
const SLOW_MS = 100;

const DEFINITION = loadSync(join(REPOSITORY_ROOT, 'test/support/otlp/trace.proto'), {
  longs: String,
  defaults: true,
  oneofs: true,
})['opentelemetry.proto.collector.trace.v1.TraceService'] as ServiceDefinition;

interface RawValue {
  readonly value?: string;
  readonly [kind: string]: unknown;
}
type RawAttributes = readonly { readonly key: string; readonly value: RawValue }[];
interface RawSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: RawAttributes;
  readonly links: readonly { readonly spanId: Buffer }[];
  readonly status: { readonly code: number; readonly message: string } | null;
  readonly flags: number;
}
interface RawRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: RawAttributes };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}

/** A collector in this process: takes spans by OTLP over gRPC and over HTTP, and decodes them by the protocol. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  manner: Manner = 'takes';
  /** Calls that came, answered or not. */
  calls = 0;
  headers: Readonly<Record<string, unknown>> = {};
  grpcPort = 0;
  httpPort = 0;
  readonly #grpc = new Server();
  readonly #http: HttpServer;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #arrivals = new EventEmitter();

  constructor() {
    const method = DEFINITION['Export'];
    this.#grpc.addService(DEFINITION, {
      Export: (
        call: { request: RawRequest; metadata: { getMap(): Record<string, unknown> } },
        callback: Answer,
      ) => {
        this.headers = call.metadata.getMap();
        this.#take(call.request);
        if (this.manner === 'hangs') return;
        if (this.manner === 'refuses') callback({ code: status.PERMISSION_DENIED, details: 'no' });
        else this.#later(() => callback(null, this.#response()));
      },
    });
    this.#http = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        this.headers = { ...request.headers, path: request.url };
        const body = Buffer.concat(parts);
        const asJson = request.headers['content-type'] === 'application/json';
        this.#take(asJson ? fromJson(body) : (method?.requestDeserialize(body) as RawRequest));
        if (this.manner === 'hangs') return;
        response.writeHead(this.manner === 'refuses' ? 400 : 200, {
          'content-type': 'application/x-protobuf',
        });
        this.#later(() => response.end(method?.responseSerialize(this.#response())));
      });
    });
  }

  /** Resolves when what has come fulfils this; fails the test after 10 s. */
  async until<T>(find: (spans: readonly ReceivedSpan[]) => T | undefined | false): Promise<T> {
    const signal = AbortSignal.timeout(10_000);
    for (;;) {
      const found = find(this.spans);
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve, reject) => {
        const gaveUp = (): void =>
          reject(
            new Error(
              `not among: ${JSON.stringify(this.spans.map(({ name, attributes }) => [name, attributes]))}`,
            ),
          );
        signal.addEventListener('abort', gaveUp, { once: true });
        this.#arrivals.once('spans', () => {
          signal.removeEventListener('abort', gaveUp);
          resolve();
        });
      });
    }
  }

  async listen(): Promise<void> {
    this.grpcPort = await new Promise<number>((resolve, reject) =>
      this.#grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    this.httpPort = (this.#http.address() as AddressInfo).port;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#grpc.forceShutdown();
    this.#http.closeAllConnections();
    this.#http.close();
  }

  #take(request: RawRequest): void {
    this.calls++;
    for (const { resource, scopeSpans } of request.resourceSpans) {
      const about = valuesOf(resource.attributes);
      for (const { spans } of scopeSpans) for (const span of spans) this.spans.push(plain(span, about));
    }
    this.#arrivals.emit('spans');
  }

  #later(answer: () => void): void {
    const waitMs = this.manner === 'slow' ? SLOW_MS : 0;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      answer();
    }, waitMs);
    this.#timers.add(timer);
  }

  #response(): object {
    return this.manner === 'rejects some'
      ? { partialSuccess: { rejectedSpans: 1, errorMessage: 'one too many' } }
      : {};
  }
}

type Answer = (error: { code: number; details: string } | null, response?: object) => void;

/** A receiver that is closed with the test. */
export async function useReceiver(t: TestContext): Promise<OtlpReceiver> {
  const receiver = new OtlpReceiver();
  t.after(() => receiver.close());
  await receiver.listen();
  return receiver;
}

/** OTLP's JSON has its ids in hex, and leaves out what is empty. */
function fromJson(body: Buffer): RawRequest {
  const hex = (key: string, value: unknown): unknown =>
    /^(trace|span|parentSpan)Id$/.test(key) && typeof value === 'string' ? Buffer.from(value, 'hex') : value;
  return JSON.parse(body.toString(), (key, value) => {
    if (key !== 'spans') return hex(key, value);
    const empty = { parentSpanId: Buffer.alloc(0), traceState: '', links: [], status: null, flags: 0 };
    return (value as object[]).map((span) => ({ ...empty, ...span }));
  });
}

const KINDS: Readonly<Record<number, ReceivedSpan['kind']>> = { 1: 'internal', 2: 'server' };
/** OTLP's flag of a span whose parent is in another process. */
const REMOTE = 0x200;

function plain(span: RawSpan, resource: ReceivedSpan['resource']): ReceivedSpan {
  const start = BigInt(span.startTimeUnixNano);
  return {
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId.toString('hex'),
    parentSpanId: span.parentSpanId.toString('hex'),
    state: span.traceState,
    name: span.name,
    kind: KINDS[span.kind] ?? 'other',
    startMs: Number(start / 1000n) / 1000,
    durationMs: Number(BigInt(span.endTimeUnixNano) - start) / 1e6,
    attributes: valuesOf(span.attributes),
    links: span.links.map(({ spanId }) => spanId.toString('hex')),
    error: span.status?.code === 2 ? span.status.message : undefined,
    remoteParent: (span.flags & REMOTE) !== 0,
    resource,
  };
}

function valuesOf(attributes: RawAttributes): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const kind = value.value ?? (Object.keys(value)[0] as string);
      const given = value[kind] as string | number | boolean;
      return [key, kind === 'intValue' ? Number(given) : given];
    }),
  );
}
