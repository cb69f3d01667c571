import { hostname } from 'node:os';

/**
 * What is said of this server in every export: `attributes` are those of OTEL_RESOURCE_ATTRIBUTES, `key=value` with the value
 * percent-encoded. A name of the service among them holds where no other one was given.
 */
export function resourceOf(
  attributes: readonly string[],
  serviceName: string,
  version: string,
): Readonly<Record<string, string | number>> {
  const given: Record<string, string> = {};
  for (const pair of attributes) {
    const at = pair.indexOf('=');
    given[pair.slice(0, at).trim()] = decoded(pair.slice(at + 1).trim());
  }
  const named = given['service.name'] !== undefined && serviceName === DEFAULT_NAME;
  return {
    'service.version': version,
    'host.name': hostname(),
    'process.pid': process.pid,
    'telemetry.sdk.language': 'nodejs',
    ...given,
    'service.name': named ? (given['service.name'] as string) : serviceName,
  };
}

const DEFAULT_NAME = 'sluice';

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
