import type { ModelCatalog } from '../core/catalog.js';
import { deferred } from '../core/deferred.js';
import { GatewayError, quote } from '../core/error.js';
import type { RpcMethod, StreamHandler } from '../core/transport.js';
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from '../gen/grpc/health/v1/health_pb.js';
import { parseMessage, pathOf, serializeMessage, unaryMethod } from './messages.js';

export interface HealthServiceOptions {
  readonly catalog: ModelCatalog;
  readonly serverReady: () => boolean;
  /** Services that are as ready as the server. @default those that infer */
  readonly services?: readonly string[];
  /** Most watches at a time; one more is refused. @default 10000 */
  readonly maxWatchers?: number;
}

/** Services whose clients ask by name whether they may call. */
const INFERRING = ['inference.GRPCInferenceService', 'tensorflow.serving.PredictionService'];

/** Before a model's name: its own health name. */
const MODEL_PREFIX = 'sluice.model/';

/**
 * The standard health service: the server as `''` and by its services' names, and each model as `sluice.model/<name>`.
 * Protocol: doc/health-checking.md of github.com/grpc/grpc.
 */
export class HealthService {
  readonly #options: HealthServiceOptions;
  readonly #serverNames: ReadonlySet<string>;
  /** Ways to wake the watches of each name. A watch sends the latest status only, however often it is woken. */
  readonly #watches = new Map<string, Set<() => void>>();
  readonly #stopListening: () => void;
  #watchCount = 0;
  #draining = false;

  constructor(options: HealthServiceOptions) {
    this.#options = options;
    this.#serverNames = new Set(['', ...(options.services ?? INFERRING)]);
    this.#stopListening = options.catalog.onChange((model) => {
      this.#wake(MODEL_PREFIX + model);
      // The server's own readiness may hang on a model's.
      this.#wakeServer();
    });
  }

  methods(): RpcMethod[] {
    const rpc = Health.method;
    const check = unaryMethod(rpc.check, ({ service }) => ({ status: this.#check(service) }));
    const list = unaryMethod(rpc.list, () => ({ statuses: this.#list() }));
    return [check, list, { kind: 'server-stream', path: pathOf(rpc.watch), handler: this.#watch }];
  }

  /** To be called when `serverReady` may have changed. */
  refresh(): void {
    this.#wakeServer();
  }

  /** Everything is NOT_SERVING from now on. Watches go on and say so; they end when the transport drains. */
  drain(): void {
    this.#draining = true;
    this.#stopListening();
    for (const name of this.#watches.keys()) this.#wake(name);
  }

  #check(service: string): Status {
    const status = this.#statusOf(service);
    if (status !== Status.SERVICE_UNKNOWN) return status;
    throw new GatewayError(
      'NOT_FOUND',
      `health of unknown service ${quote(service)}: List names those known`,
    );
  }

  #list(): Record<string, { status: Status }> {
    const { catalog, serverReady } = this.#options;
    const server = this.#serving(serverReady());
    // Each is known: to ask that of the whole list for each of them would cost the square of their number.
    const models = new Set(catalog.list().map(({ model }) => model));
    return Object.fromEntries([
      ...[...this.#serverNames].map((name) => [name, { status: server }]),
      ...[...models].map((model) => [
        MODEL_PREFIX + model,
        { status: this.#serving(catalog.ready(model, '')) },
      ]),
    ]);
  }

  #statusOf(service: string): Status {
    const { catalog, serverReady } = this.#options;
    if (this.#serverNames.has(service)) return this.#serving(serverReady());
    if (!service.startsWith(MODEL_PREFIX)) return Status.SERVICE_UNKNOWN;
    const model = service.slice(MODEL_PREFIX.length);
    if (catalog.ready(model, '')) return this.#serving(true);
    const known = catalog.list().some((entry) => entry.model === model);
    return known ? Status.NOT_SERVING : Status.SERVICE_UNKNOWN;
  }

  #serving(ready: boolean): Status {
    return ready && !this.#draining ? Status.SERVING : Status.NOT_SERVING;
  }

  readonly #watch: StreamHandler = async (stream, { cancellation }) => {
    const { maxWatchers = 10_000 } = this.#options;
    if (this.#watchCount >= maxWatchers) {
      const message = `more than ${maxWatchers} health watches: ask with Check, or later`;
      throw new GatewayError('UNAVAILABLE', message, { retryAfterMs: 10_000 });
    }
    const first = await stream.messages[Symbol.asyncIterator]().next();
    if (first.done) return;
    const { service } = parseMessage(HealthCheckRequestSchema, first.value);
    let changed = deferred<void>();
    const wake = (): void => changed.resolve();
    this.#addWatch(service, wake);
    cancellation.listen(wake);
    stream.closing.listen(wake);
    try {
      let sent: Status | undefined;
      for (;;) {
        changed = deferred();
        if (cancellation.cancelled) return;
        const closing = stream.closing.cancelled;
        const now = this.#statusOf(service);
        const status = closing && now === Status.SERVING ? Status.NOT_SERVING : now;
        if (status !== sent) {
          await stream.send(serializeMessage(HealthCheckResponseSchema, { status }));
          sent = status;
        }
        if (closing) return;
        await changed.promise;
      }
    } finally {
      this.#removeWatch(service, wake);
    }
  };

  #addWatch(service: string, wake: () => void): void {
    this.#watchCount++;
    const watches = this.#watches.get(service);
    if (watches === undefined) this.#watches.set(service, new Set([wake]));
    else watches.add(wake);
  }

  #removeWatch(service: string, wake: () => void): void {
    this.#watchCount--;
    const watches = this.#watches.get(service);
    watches?.delete(wake);
    if (watches?.size === 0) this.#watches.delete(service);
  }

  #wakeServer(): void {
    for (const name of this.#serverNames) this.#wake(name);
  }

  #wake(name: string): void {
    for (const wake of this.#watches.get(name) ?? []) wake();
  }
}
