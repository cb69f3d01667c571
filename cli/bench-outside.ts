import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import type { Target } from '../bench/contract.js';
import type { BenchOptions } from '../bench/options.js';
import type { MachineNote } from '../bench/report/document.js';
import type { ServerWatch } from '../bench/sweep.js';
import { fetchPage, serverFigures } from '../bench/targets/server-figures.js';
import type { TemplateSources } from '../bench/targets/templates.js';
import { createClient } from '../client/client.js';
import { Rpc } from '../client/rpc.js';

/** Calls that prepare a run may take this long. */
const PREPARE_TIMEOUT_MS = 30_000;

/** `host:port`, with the brackets that IPv6 wants. */
export function addressText({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Asks the server for signatures and first answers; `use` is done when the connections close. */
export async function withSources<T>(
  options: BenchOptions,
  use: (sources: TemplateSources) => Promise<T>,
): Promise<T> {
  const headers = Object.fromEntries(options.metadata);
  const settings = { address: addressText(options.target), deadlineMs: PREPARE_TIMEOUT_MS, headers };
  const client = createClient(settings);
  const rpc = new Rpc(settings);
  try {
    return await use({
      signature: (model, version) => client.modelMetadata(model, { version }),
      ask: (request) => rpc.call('inference.GRPCInferenceService/ModelInfer', request, rpc.begin({})),
      readBytes: (path) => readFile(path),
    });
  } finally {
    client.close();
    rpc.close();
  }
}

/** Name and version of the server, where it says them. */
export async function serverName(options: BenchOptions): Promise<string | null> {
  if (options.service === 'tfs') return null;
  const client = createClient({ address: addressText(options.target), deadlineMs: 2000 });
  try {
    const { name, version } = await client.serverMetadata();
    return `${name} ${version}`;
  } catch {
    return null;
  } finally {
    client.close();
  }
}

/** Scrapes the metrics page around each measurement; what cannot be had is said once in `warnings`. */
export function watchServer(url: string, models: readonly string[], warnings: string[]): ServerWatch {
  let before: Promise<string | undefined> = Promise.resolve(undefined);
  const scrape = async (): Promise<string | undefined> => {
    try {
      return await fetchPage(url);
    } catch (error) {
      const warning = `no metrics from ${url}: ${(error as Error).message}`;
      if (!warnings.includes(warning)) warnings.push(warning);
      return undefined;
    }
  };
  return {
    begin: () => {
      before = scrape();
    },
    end: async () => {
      const [first, last] = [await before, await scrape()];
      return first === undefined || last === undefined ? null : serverFigures(first, last, models);
    },
  };
}

export function thisMachine(): MachineNote {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
  };
}
