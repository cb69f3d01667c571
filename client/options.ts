import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { SluiceClientError } from './error.js';

/** How a client reaches its servers. Everything has a default that suits a service in Kubernetes. */
export interface ClientOptions {
  /**
   * `host:port`, resolved by DNS (a headless Service gives every replica), or a gRPC target such as
   * `unix:///run/sluice.sock`. Without a port, 8001.
   * @default 'localhost:8001'
   */
  readonly address?: string | undefined;
  /** Deadline of a call that names none, in milliseconds; Infinity for none. @default 10000 */
  readonly deadlineMs?: number | undefined;
  /** TLS with the system's certificates (`true`), or with these (PEM). @default false */
  readonly tls?: boolean | TlsOptions | undefined;
  /**
   * Sent with every call as `authorization: Bearer <token>`; a function is asked anew for each, so that a token may be changed.
   * Without TLS the network can read it. @default none
   */
  readonly token?: string | (() => string) | undefined;
  /** Sent with every call. @default {} */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Largest message in either direction, in bytes. @default 67108864 */
  readonly maxMessageBytes?: number | undefined;
  /**
   * Attempts of a call that is answered UNAVAILABLE, the first included; 1 never retries. When the server says when to
   * come back, that is obeyed. Retries stop while most calls fail. @default 3
   */
  readonly maxAttempts?: number | undefined;
  /** Further grpc-js channel options; they win over the defaults. @default {} */
  readonly channelOptions?: ChannelOptions | undefined;
}

/** PEM-encoded certificates. */
export interface TlsOptions {
  readonly ca?: Buffer | undefined;
  /** Client certificate and key, for mutual TLS. */
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

/** Where a server on the same machine listens unless told otherwise. */
export const DEFAULT_ADDRESS = 'localhost:8001';
/** Deadline of a call that names none, in milliseconds. */
export const DEFAULT_DEADLINE_MS = 10_000;
const DEFAULT_PORT = 8001;
const DEFAULT_MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** A gRPC target: DNS unless a scheme says otherwise, port 8001 unless one is given. */
export function targetOf(address: string): string {
  if (/^(dns|unix|unix-abstract|ipv4|ipv6|xds|passthrough):/.test(address)) return address;
  const colons = address.split(':').length - 1;
  if (address.startsWith('[')) return `dns:///${address}${address.endsWith(']') ? `:${DEFAULT_PORT}` : ''}`;
  if (colons > 1) return `dns:///[${address}]:${DEFAULT_PORT}`;
  return `dns:///${address}${colons === 0 ? `:${DEFAULT_PORT}` : ''}`;
}

/** How the connection is secured, in grpc-js's terms. */
export function credentialsOf(tls: ClientOptions['tls']): ChannelCredentials {
  if (tls === undefined || tls === false) return credentials.createInsecure();
  if (tls === true) return credentials.createSsl();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}

/** The header that shows a token. Throws INVALID_ARGUMENT for what is none: the error of who would send it shows it. */
export function tokenHeader(token: ClientOptions['token']): Record<string, string> {
  if (token === undefined) return {};
  const text = typeof token === 'function' ? token() : token;
  if (!/^[A-Za-z0-9._~+/-]{1,1000}=*$/.test(text))
    throw new SluiceClientError(
      'INVALID_ARGUMENT',
      'The token is none: wanted letters, digits and ._~+/-, at most 1000',
    );
  return { authorization: `Bearer ${text}` };
}

/** Channel options of grpc-js for these client options. */
export function channelOptionsOf(options: ClientOptions): ChannelOptions {
  const maxBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  return {
    'grpc.service_config': JSON.stringify(serviceConfig(options.maxAttempts ?? 3)),
    // A service config in DNS TXT records would replace ours without a word.
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_send_message_length': maxBytes,
    'grpc.max_receive_message_length': maxBytes,
    // A peer that is gone without a reset is noticed after 30 s. Only while calls are open: servers end connections that
    // ping when idle.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // Below the 350 s after which a cloud load balancer forgets an idle connection and drops its packets.
    'grpc.client_idle_timeout_ms': 300_000,
    // A replica that restarts is found again in seconds; the default backs off to two minutes.
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc.dns_min_time_between_resolutions_ms': 5_000,
    // close() then closes the connections too; a shared pool would keep them.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    ...options.channelOptions,
  };
}

/** Round robin over all addresses, and retries of UNAVAILABLE only: nothing else is sure to be worth a second try. */
function serviceConfig(maxAttempts: number): object {
  const names = [{ service: 'inference.GRPCInferenceService' }, { service: 'grpc.health.v1.Health' }];
  const retryPolicy = {
    maxAttempts,
    initialBackoff: '0.05s',
    maxBackoff: '1s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  return {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: maxAttempts > 1 ? [{ name: names, retryPolicy }] : [],
    // Each failure takes a token, each success gives a tenth back, and below half there are no retries: an overloaded
    // server is offered at most a tenth more than without retries.
    retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
  };
}
