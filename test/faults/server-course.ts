import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { childrenOf } from '../support/proc.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { strikeUnderLoad, waitingCalls } from './load.js';
import { faultTimes } from './plan.js';
import { OrderedRepository } from './repository.js';
import { CALLS_PER_S, HANG_MS, type Measured, NotAvailable, type Scenario, WORKERS } from './scenario.js';
import { striker } from './strikes.js';
import { metric, type System } from './system.js';

/**
 * A server that is a process of its own, since what strikes it would take this process along: `sluice serve`, as users run it. Its
 * ports are fixed, so that a server that was started again is found where the first one was.
 */
export async function serverCourse(scenario: Scenario, seed: number): Promise<Measured> {
  const { strike, times, everyMs, bars } = scenario;
  const supervised = strike.by === 'orders' && strike.orders.some(({ kind }) => kind === 'abort');
  const repository = new OrderedRepository();
  const ports = { grpcPort: await freePort(), httpPort: await freePort() };
  try {
    const server = await startServerProcess({ args: argsFor(repository.path, supervised), ports });
    const system = systemOf(server);
    try {
      if (supervised && !hasServerBelow(server.pid))
        throw new NotAvailable('sluice serve has no supervisor in this build');
      const measured = await strikeUnderLoad({
        system,
        calls: waitingCalls(),
        callsPerS: CALLS_PER_S,
        times: faultTimes(seed, times, everyMs),
        seed,
        workers: WORKERS,
        strike: striker(strike, system, repository.orders, seed),
        recovers: bars.fullMs !== undefined,
      });
      const { code, signal } = await server.stop();
      // The counters of a server that has died are gone with it.
      const doubled = supervised ? 0 : measured.doubled;
      return { ...measured, doubled, notes: [...measured.notes, `at its end: ${code ?? signal}`] };
    } finally {
      await server.stop();
    }
  } finally {
    repository.remove();
  }
}

function argsFor(repository: string, supervised: boolean): string[] {
  return [
    ...['--model-repository', repository, '--workers', String(WORKERS), '--enable-waiting-runtime'],
    ...['--worker-hang-timeout-ms', String(HANG_MS), '--exit-timeout-secs', '5', '--log-level', 'info'],
    ...['--server-supervise', supervised ? 'on' : 'off'],
  ];
}

function systemOf(server: ServerProcess): System {
  const { grpcPort, httpPort } = server;
  return {
    grpcPort,
    ready: async () =>
      (await metric(httpPort, 'sluice_slots{', 'state="ready"')) +
      (await metric(httpPort, 'sluice_slots{', 'state="busy"')),
    workerPids: () => [],
    answered: () => metric(httpPort, 'sluice_requests_total', 'code="OK"'),
    stop: async () => {
      await server.stop();
      return undefined;
    },
  };
}

/** Whether what serves is a child of the process that was started. */
function hasServerBelow(pid: number): boolean {
  return existsSync('/proc') && childrenOf(pid).some(({ command }) => !command.includes('worker/'));
}

/** Free a moment ago: nobody else is likely to take it. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
