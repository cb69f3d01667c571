import type { Config } from './schema.js';

/** A door of the server. */
export interface Listener {
  /** The group of its settings: `<name>.address`, `<name>.port`. */
  readonly name: 'grpc' | 'http' | 'metrics' | 'admin';
  readonly address: string;
  /** The setting that says so. */
  readonly addressFrom: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/** The doors that these settings open, in the order in which they are opened. */
export function listenersOf(config: Config): Listener[] {
  const { grpc, http, metrics, admin } = config;
  const own = metrics.address === undefined ? 'http' : 'metrics';
  const listeners: (Listener & { readonly enabled: boolean })[] = [
    { name: 'grpc', ...grpc, addressFrom: 'grpc.address' },
    { name: 'http', ...http, addressFrom: 'http.address' },
    {
      ...{ name: 'metrics', enabled: metrics.enabled && metrics.ownPort, port: metrics.port },
      ...{ address: metricsAddress(config), addressFrom: `${own}.address` },
    },
    { name: 'admin', ...admin, addressFrom: 'admin.address' },
  ];
  return listeners.filter(({ enabled }) => enabled);
}

/** Where the metrics port listens: as in Triton where HTTP does, unless told otherwise. */
export function metricsAddress({ http, metrics }: Config): string {
  return metrics.address ?? http.address;
}
