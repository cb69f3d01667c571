import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../bench/clock.js';
import type { Gateway } from '../../gateway/gateway.js';
import { OrderedRepository } from '../faults/repository.js';
import { WORKERS } from '../faults/scenario.js';
import { striker } from '../faults/strikes.js';
import { settingsOf, startHere } from '../faults/system.js';
import { type CallRecord, check, type Finding } from './checker.js';
import { Clients } from './clients.js';
import { type Abilities, nemesisPlan, type PlannedAct } from './nemesis.js';

const HANG_WATCH = new URL('../../gateway/pool/hang-watch.js', import.meta.url);
/** How long after its deadline a call may end on a busy machine. */
const GRACE_MS = 3000;

export interface PhaseReport {
  readonly seed: number;
  readonly isolation: string;
  readonly findings: readonly (Pick<Finding, 'text'> & { readonly kind: string })[];
  /** Calls by the code that they ended with. */
  readonly codes: Readonly<Record<string, number>>;
  readonly acts: number;
  readonly restarts: number;
}

/** The life of one server under its nemesis. Throws NotAvailable where this build has no such workers. */
export async function runPhase(
  seed: number,
  isolation: Abilities['isolation'],
  durationMs: number,
): Promise<PhaseReport> {
  const repository = new OrderedRepository();
  try {
    const { gateway, ...system } = await startHere(isolation, settingsOf(isolation, repository.path));
    const clients = new Clients(system.grpcPort, seed, GRACE_MS);
    const abilities = { isolation, hangs: existsSync(HANG_WATCH), resize: resizer(gateway) !== undefined };
    const plan = nemesisPlan(seed, durationMs, { ...abilities, workers: WORKERS });
    try {
      clients.start();
      const startMs = monotonicMs();
      for (const planned of plan) {
        await delay(Math.max(0, startMs + planned.atMs - monotonicMs()));
        actOut(planned, clients, { gateway, system, repository, seed });
      }
      await delay(Math.max(0, startMs + durationMs - monotonicMs()));
      await clients.stop();
      const findings = [
        ...check(clients.log, { graceMs: GRACE_MS, versions: ['1'] }),
        ...leftIn(gateway).map((text) => ({ kind: 'left', text })),
      ];
      const restarts = gateway.pool.status().reduce((sum, slot) => sum + slot.restarts, 0);
      return { seed, isolation, findings, codes: codesOf(clients.log), acts: plan.length, restarts };
    } finally {
      await gateway.stop();
    }
  } finally {
    repository.remove();
  }
}

interface Stage {
  readonly gateway: Gateway;
  readonly system: { workerPids(): number[] };
  readonly repository: OrderedRepository;
  readonly seed: number;
}

function actOut(
  { act, atMs }: PlannedAct,
  clients: Clients,
  { gateway, system, repository, seed }: Stage,
): void {
  if (act.kind === 'guilty') {
    clients.guilty();
    return;
  }
  if (act.kind === 'resize') {
    void resizer(gateway)?.(act.workers);
    return;
  }
  const strike =
    act.kind === 'orders'
      ? ({ by: 'orders', orders: act.orders } as const)
      : ({ by: 'signal', signal: act.signal, workers: act.workers } as const);
  // An order that nobody takes in time is for a worker that comes later.
  void striker(strike, system, repository.orders, seed + atMs)().catch(() => {});
}

/** The way to resize the pool, where there is one. */
function resizer(gateway: Gateway): ((workers: number) => unknown) | undefined {
  const pool = gateway.pool as { readonly resize?: (workers: number) => unknown };
  return pool.resize?.bind(pool);
}

function leftIn(gateway: Gateway): string[] {
  const { entries, queuedRows, bytes, batches } = gateway.batcher.stats();
  return Object.entries({ entries, queuedRows, bytes, batches })
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => `${count} ${what} are left in the server with no call open`);
}

function codesOf(log: readonly CallRecord[]): Record<string, number> {
  const codes: Record<string, number> = {};
  for (const { code, cancelled } of log) {
    const name = code === undefined ? (cancelled ? 'given up' : 'none') : String(code);
    codes[name] = (codes[name] ?? 0) + 1;
  }
  return codes;
}
