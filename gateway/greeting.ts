import type { Ports } from './fronts.js';
import type { Gateway } from './gateway.js';

/** What a person who started the server at a terminal wants to know: what is served, by how many, and a call to copy. */
export function greeting(gateway: Gateway, { grpcPort, httpPort }: Ports): string {
  const { grpc, http } = gateway.config;
  const versions = gateway.catalog.list();
  const width = Math.max(0, ...versions.map(({ model, version }) => `${model}/${version}`.length));
  const shown = versions.slice(0, 20).map(({ model, version, state, reason }) => {
    const line = `  ${`${model}/${version}`.padEnd(width)}  ${state}`;
    return reason === '' ? line : `${line}: ${reason}`;
  });
  if (versions.length > shown.length)
    shown.push(`  … and ${versions.length - shown.length} more: npx sluice models`);
  const lines = ['', 'Models', ...shown, '', `Workers   ${gateway.plan.why}`];
  if (grpcPort !== undefined) lines.push(`gRPC      ${grpc.address}:${grpcPort}`);
  if (httpPort !== undefined)
    lines.push(`HTTP      http://${http.address}:${httpPort}/readyz, /livez, /metrics`);
  const example = exampleCall(gateway, grpcPort);
  if (example !== undefined) lines.push('', 'Try it from another terminal:', `  ${example}`);
  return `${lines.join('\n')}\n\n`;
}

/** A call of the first model that takes one matrix of numbers; iris gets one of its flowers. */
function exampleCall(gateway: Gateway, grpcPort: number | undefined): string | undefined {
  if (grpcPort === undefined) return undefined;
  const address = grpcPort === 8001 ? '' : ` --address localhost:${grpcPort}`;
  for (const { model, state } of gateway.catalog.list()) {
    if (state !== 'available') continue;
    const { inputs } = gateway.catalog.describe(model, '').signature;
    const [input] = inputs;
    if (inputs.length !== 1 || input === undefined || input.shape.length !== 2) continue;
    const columns = Math.min(16, Math.max(1, input.shape[1] as number));
    if (input.shape[1] !== columns || input.datatype === 'BYTES' || input.datatype === 'BOOL') continue;
    const row = model === 'iris' ? [5.1, 3.5, 1.4, 0.2] : Array.from({ length: columns }, () => 0);
    return `npx sluice predict ${model}${address} --input '${JSON.stringify([row])}'`;
  }
  return `npx sluice models${address}`;
}
