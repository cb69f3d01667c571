import type { Guard } from '../core/access.js';
import type { CallTracer } from '../core/call-trace.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Recorder } from '../core/recorder.js';
import type { TlsIdentity } from '../core/tls.js';
import type { RpcMethod } from '../core/transport.js';

/** What a gRPC listener serves, and its limits. */
export interface GrpcTransportOptions {
  /** `host:port`, `[v6]:port` or `unix:/path`; port 0 takes a free one. */
  readonly address: string;
  /** Names the setting of the port to who finds it taken. @default '--grpc-port' */
  readonly portFlag?: string;
  readonly methods: readonly RpcMethod[];
  /** @default no encryption */
  readonly tls?: TlsIdentity | undefined;
  /** Who may call what; asked before anything of a call but its headers is looked at. @default anybody anything */
  readonly guard?: Guard | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of answers that came when nobody waited any more, and of calls that were turned away. */
  readonly recorder?: Pick<Recorder, 'dropped'> & Partial<Pick<Recorder, 'refused'>>;
  /** Told of every call, those that are refused included. @default nobody */
  readonly tracer?: CallTracer | undefined;
  /** Largest message in bytes, in either direction and unpacked. @default 67108864 */
  readonly maxMessageBytes?: number;
  /** Longest time that a unary call may take, also where the client set no deadline or a later one. @default 30000 */
  readonly maxDeadlineMs?: number;
  /** Most calls at a time on one connection; clients hold more back. @default 1000 */
  readonly maxConcurrentStreams?: number;
  /** Most connections; more are closed when they open. @default 10000 */
  readonly maxConnections?: number;
  /** A connection that was silent for this long is asked whether it still lives. @default 60000 */
  readonly keepaliveTimeMs?: number;
  /** How long it may take to answer. @default 20000 */
  readonly keepaliveTimeoutMs?: number;
  /** Age at which a connection is told to go (give or take a tenth, so that not all go at once); 0 for never. @default 300000 */
  readonly maxConnectionAgeMs?: number;
  /** How long its calls may go on after that. @default 30000 */
  readonly maxConnectionAgeGraceMs?: number;
  /** A connection without a call for this long is told to go; 0 for never. @default 0 */
  readonly maxConnectionIdleMs?: number;
  /** Most bytes of incomplete requests and untaken answers, over all connections. @default 268435456 */
  readonly maxWireBytes?: number;
  /** Most unary calls, and most streams, open at once, over all connections: refused before a message is read. @default 10000 */
  readonly maxOpenCalls?: number;
  /** Whether a share of the calls of sheddable methods is refused unread where reading them is the bottleneck. @default true */
  readonly earlyRefusal?: boolean;
  /** The event loop's share of busy time since it was last asked. @default this thread's */
  readonly utilisation?: () => number;
  /** How long a client may take to open HTTP/2 on its connection. @default 5000 */
  readonly openingTimeoutMs?: number;
  /** How long a client may take nothing of an answer that waits for it. @default 10000 */
  readonly sendStallMs?: number;
}
