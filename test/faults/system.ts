import type { Settings } from '../../gateway/config/from-settings.js';
import type { StopReport } from '../../gateway/gateway.js';
import { createGateway, type Gateway, type GatewayDependencies } from '../../gateway/gateway.js';
import { childrenOf } from '../support/proc.js';
import { FREE_PORTS } from '../support/use-gateway.js';
import { HANG_MS, MAX_HEAP_BYTES, NotAvailable, type Scenario, WORKERS } from './scenario.js';

/** A server under test, wherever it runs. */
export interface System {
  readonly grpcPort: number;
  /** Workers that are in rotation now. */
  ready(): Promise<number>;
  /** Processes of its workers. */
  workerPids(): number[];
  /** Calls of ModelInfer that it has answered with OK. */
  answered(): Promise<number>;
  stop(): Promise<StopReport | undefined>;
}

/** Settings that all scenarios share. */
export function settingsOf(isolation: Scenario['isolation'], modelRepository: string): Settings {
  return {
    modelRepository: [modelRepository],
    ...FREE_PORTS,
    workers: {
      count: WORKERS,
      isolation,
      hangTimeoutMs: HANG_MS,
      maxHeapBytes: MAX_HEAP_BYTES,
      enableWaitingRuntime: true,
    },
    server: { exitTimeoutSecs: 10, supervise: 'off' },
  };
}

/** Starts a server in this process. Throws NotAvailable when it has no worker processes and should have. */
export async function startHere(
  isolation: Scenario['isolation'],
  settings: Settings,
  dependencies: GatewayDependencies = {},
): Promise<System & { readonly gateway: Gateway }> {
  const gateway = createGateway(settings, dependencies);
  const { grpcPort, httpPort } = await gateway.start();
  await gateway.settled();
  const workerPids = (): number[] => pidsOf(gateway);
  if (isolation === 'process' && workerPids().length === 0) {
    await gateway.stop();
    throw new NotAvailable('workers are not processes in this build');
  }
  return {
    gateway,
    grpcPort: grpcPort as number,
    ready: async () =>
      gateway.pool.status().filter(({ state }) => state === 'ready' || state === 'busy').length,
    workerPids,
    answered: () => answeredOk(httpPort as number),
    stop: () => gateway.stop(),
  };
}

/** As the pool says, else what looks like a worker among the children of this process. */
function pidsOf(gateway: Gateway): number[] {
  const told = gateway.pool
    .status()
    .map((slot) => (slot as { readonly pid?: number }).pid)
    .filter((pid) => pid !== undefined);
  if (told.length > 0) return told;
  return childrenOf(process.pid)
    .filter(({ command }) => /\/worker\/(?!prepare)/.test(command))
    .map(({ pid }) => pid);
}

/** A metric's sum over its series that hold all of these texts. */
export async function metric(httpPort: number, name: string, ...texts: string[]): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  return page
    .split('\n')
    .filter((line) => line.startsWith(name) && texts.every((text) => line.includes(text)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

function answeredOk(httpPort: number): Promise<number> {
  return metric(httpPort, 'sluice_requests_total', 'code="OK"');
}
