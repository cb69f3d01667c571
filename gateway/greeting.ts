import { metricsAddress } from './config/listeners.js';
import type { VersionStatus } from './core/catalog.js';
import type { Ports } from './fronts.js';
import type { Gateway } from './gateway.js';

/** Addresses on which a server can be called as localhost, which is what clients call unless told otherwise. */
const LOCAL = new Set(['127.0.0.1', '::1', '0.0.0.0', '::', 'localhost']);

/** Where clients of its models call it. */
type ClientPorts = Omit<Ports, 'adminPort'>;

/** What it reads of a gateway. */
export type Greeted = Pick<Gateway, 'catalog' | 'config' | 'plan'>;

/** What a person who started the server at a terminal wants to know: what is served, by how many, and a call to copy. */
export function greeting(gateway: Greeted, { grpcPort, httpPort, metricsPort }: ClientPorts): string {
  const { grpc, http, tls } = gateway.config;
  const scheme = tls.certFile !== undefined && tls.http ? 'https' : 'http';
  const versions = gateway.catalog.list();
  const first = versions.slice(0, 20);
  const width = Math.max(0, ...first.map((status) => nameOf(status).length));
  const shown = first.map((status) => {
    const line = `  ${nameOf(status).padEnd(width)}  ${status.state}`;
    // The name is in front already, and so is the state.
    const reason = status.reason.replace(/^failed to load model '[^']*' version \d+: /, '');
    return reason === '' ? line : `${line}: ${reason}`;
  });
  if (versions.length > shown.length)
    shown.push(`  … and ${versions.length - shown.length} more: npx sluice models`);
  const lines = ['', 'Models', ...shown, '', `Workers   ${gateway.plan.why}`];
  if (grpcPort !== undefined) lines.push(`gRPC      ${authority(grpc.address, grpcPort)}`);
  if (httpPort !== undefined)
    lines.push(`HTTP      ${scheme}://${authority(http.address, httpPort)}/readyz, /livez, /metrics`);
  if (metricsPort !== undefined)
    lines.push(`Metrics   ${scheme}://${authority(metricsAddress(gateway.config), metricsPort)}/metrics`);
  const example = exampleCall(gateway, { grpcPort });
  if (example !== undefined) lines.push('', 'Try it from another terminal:', `  ${example}`);
  return `${lines.join('\n')}\n\n`;
}

/** `iris/2`, or only the model's name where no version of it is usable. */
export function nameOf({ model, version }: VersionStatus): string {
  return version === 0 ? model : `${model}/${version}`;
}

/**
 * A call to copy, of the first model that takes one matrix of numbers; iris gets one of its flowers. Where no model is so
 * simple, a call that lists them. Undefined without gRPC.
 */
export function exampleCall(
  gateway: Greeted,
  { grpcPort }: Pick<ClientPorts, 'grpcPort'>,
): string | undefined {
  if (grpcPort === undefined) return undefined;
  const { address } = gateway.config.grpc;
  const tls = gateway.config.tls.certFile === undefined ? '' : ' --tls';
  const host = LOCAL.has(address) ? 'localhost' : address;
  const where = host === 'localhost' && grpcPort === 8001 ? '' : ` --address ${authority(host, grpcPort)}`;
  const option = where + tls;
  for (const { model, state } of gateway.catalog.list()) {
    if (state !== 'available') continue;
    const { inputs } = gateway.catalog.describe(model, '').signature;
    const [input] = inputs;
    if (inputs.length !== 1 || input === undefined || input.shape.length !== 2) continue;
    const columns = input.shape[1] as number;
    if (columns < 1 || columns > 16 || input.datatype === 'BYTES' || input.datatype === 'BOOL') continue;
    const row = model === 'iris' && columns === 4 ? [5.1, 3.5, 1.4, 0.2] : new Array<number>(columns).fill(0);
    return `npx sluice predict ${model}${option} --input '${JSON.stringify([row])}'`;
  }
  return `npx sluice models${option}`;
}

/** `host:port`, an IPv6 address in brackets. */
function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
