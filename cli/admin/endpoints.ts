import { lookup } from 'node:dns/promises';
import { usageError } from '../exit-code.js';

/** Most servers that one command speaks to. */
const MAX_ENDPOINTS = 100;
const DEFAULT_ADMIN_PORT = 8003;

/** Every address of a host name, for tests to replace. */
export type LookUp = (host: string) => Promise<readonly string[]>;

const systemLookUp: LookUp = async (host) =>
  (await lookup(host, { all: true })).map(({ address, family }) => (family === 6 ? `[${address}]` : address));

/**
 * The servers that `--endpoint` names: a list separated by commas, where `dns:///host:port` stands for every address of that host.
 * Throws a usage error for none, and for a host that has no address.
 */
export async function endpointsOf(text: string, lookUp: LookUp = systemLookUp): Promise<readonly string[]> {
  const found: string[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const [, host, port] = /^dns:\/\/\/?(\[[^\]]+\]|[^:/]+)(?::(\d+))?$/.exec(item) ?? [];
    if (host === undefined) {
      found.push(withPort(item));
      continue;
    }
    const addresses = await lookUp(host).catch(() => []);
    if (addresses.length === 0) throw usageError(`--endpoint names ${item}, but the host has no address`);
    found.push(...addresses.map((address) => `${address}:${port ?? DEFAULT_ADMIN_PORT}`));
  }
  const endpoints = [...new Set(found)];
  if (endpoints.length > 0 && endpoints.length <= MAX_ENDPOINTS) return endpoints;
  throw usageError(`--endpoint names ${endpoints.length} servers, wanted 1 to ${MAX_ENDPOINTS}`);
}

function withPort(item: string): string {
  const has = item.startsWith('unix:') || /(?:^[^:]+|\]):\d+$/.test(item);
  return has ? item : `${item}:${DEFAULT_ADMIN_PORT}`;
}
