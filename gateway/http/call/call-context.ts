import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { callerOf } from '../../core/caller.js';
import type { Clock } from '../../core/clock.js';
import type { InferCall, ParameterValue } from '../../core/infer-call.js';
import type { Tensor } from '../../core/tensor.js';
import type { RpcContext, RpcHeaders } from '../../core/transport.js';
import { wantedVersion } from '../../core/wanted-version.js';
import type { HttpExchange } from './exchange.js';
import { timeLimitMs } from './time-limit.js';

export interface CallContextOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Longest time a request may take, whatever its headers ask for. */
  readonly maxDeadlineMs: number;
  /** The header that names the caller. @default callers are not told apart */
  readonly callerKey?: string | undefined;
}

const REQUEST_ID_HEADER = 'x-request-id';
const MAX_ID_CHARS = 256;

/** A request to infer, apart from what it says about the call itself. */
export interface WantedInference {
  readonly model: string;
  readonly version: string;
  /** @default the header x-request-id */
  readonly id?: string | undefined;
  readonly inputs: readonly Tensor[];
  readonly outputs?: readonly string[];
  readonly parameters?: ReadonlyMap<string, ParameterValue>;
  readonly classifications?: ReadonlyMap<string, number> | undefined;
  readonly messageBytes: number;
  /** See InferCall. */
  readonly splits?: boolean;
}

/** What the handlers of the RPCs are told of a request: its headers are the metadata. `path` is the RPC's. Throws INVALID_ARGUMENT. */
export function contextOf(request: HttpExchange, path: string, options: CallContextOptions): RpcContext {
  const { raw, work, trace } = request;
  const arrivedAt = options.clock.now();
  return {
    path,
    headers: metadataOf(request.headers),
    peer: peerOf(raw.socket),
    arrivedAt,
    deadline: deadlineOf(request, arrivedAt, options),
    cancellation: work.cancellation,
    trace,
  };
}

/** An inference on behalf of a request. Field by field, as over gRPC. Throws INVALID_ARGUMENT for headers that say nothing sensible. */
export function inferCallOf(
  request: HttpExchange,
  wanted: WantedInference,
  options: CallContextOptions,
): InferCall {
  const { raw, work, trace } = request;
  const arrivedAt = options.clock.now();
  const headers = metadataOf(request.headers);
  const id = wanted.id ?? requestIdOf(request.headers);
  if (trace !== undefined) {
    trace.model = wanted.model;
    trace.requestId = id;
  }
  return {
    model: wanted.model,
    version: wantedVersion(wanted.version, headers),
    id,
    inputs: wanted.inputs,
    outputs: wanted.outputs ?? [],
    parameters: wanted.parameters ?? NO_PARAMETERS,
    classifications: wanted.classifications,
    messageBytes: wanted.messageBytes,
    splits: wanted.splits,
    caller: options.callerKey === undefined ? '' : callerOf(headers, options.callerKey),
    peer: peerOf(raw.socket),
    deadline: deadlineOf(request, arrivedAt, options),
    cancellation: work.cancellation,
    arrivedAt,
    trace,
  };
}

/** Headers are what metadata is over gRPC. */
export function metadataOf(headers: IncomingHttpHeaders): RpcHeaders {
  return { get: (name) => only(headers[name]) };
}

function deadlineOf({ headers }: HttpExchange, arrivedAt: number, options: CallContextOptions): number {
  return arrivedAt + Math.min(timeLimitMs(headers), options.maxDeadlineMs);
}

/** By connection: asking the socket costs each time. */
const peers = new WeakMap<Socket, string>();

/** Address and port of whoever asks. */
export function peerOf(socket: Socket): string {
  let peer = peers.get(socket);
  if (peer === undefined) {
    peer = `${socket.remoteAddress}:${socket.remotePort}`;
    peers.set(socket, peer);
  }
  return peer;
}

const NO_PARAMETERS: InferCall['parameters'] = new Map();

/** The id that a request carries in its headers, `''` where there is none that could be told on. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const id = only(headers[REQUEST_ID_HEADER]) ?? '';
  return id.length <= MAX_ID_CHARS ? id : '';
}

function only(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
