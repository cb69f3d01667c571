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
import { type Abilities, type Act, nemesisPlan, type PlannedAct } from './nemesis.js';

const HANG_WATCH = new URL('../../gateway/pool/hang-watch.js', import.meta.url);
/** How long after its deadline a call may end on a busy machine. */
const GRACE_MS = 3000;
/** The longest deadline, and some time. */
const LEFT_FOR_MS = 13_000;

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
      const strikes: number[] = [];
      for (const planned of plan) {
        await delay(Math.max(0, startMs + planned.atMs - monotonicMs()));
        for (let i = struckBy(planned.act); i > 0; i--) strikes.push(monotonicMs());
        actOut(planned, clients, { gateway, system, repository, seed });
      }
      await delay(Math.max(0, startMs + durationMs - monotonicMs()));
      await clients.stop();
      const findings = [
        ...check(clients.log, { graceMs: GRACE_MS, versions: ['1'], strikes }),
        ...(await leftIn(gateway)).map((text) => ({ kind: 'left', text })),
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

/** Workers that an act strikes; a guilty row may run, and kill, alone and in company. */
function struckBy(act: Act): number {
  if (act.kind === 'orders') return act.orders.length;
  return act.kind === 'signal' ? act.workers : act.kind === 'guilty' ? 2 : 0;
}

/** The way to resize the pool, where there is one. */
function resizer(gateway: Gateway): ((workers: number) => unknown) | undefined {
  const pool = gateway.pool as { readonly resize?: (workers: number) => unknown };
  return pool.resize?.bind(pool);
}

/** What is left when no call is open any more: a batch whose callers have gone may wait for a worker until their deadlines. */
async function leftIn(gateway: Gateway): Promise<string[]> {
  const until = monotonicMs() + LEFT_FOR_MS;
  for (;;) {
    const { entries, queuedRows, bytes, batches } = gateway.batcher.stats();
    const left = Object.entries({ entries, queuedRows, bytes, batches }).filter(([, count]) => count !== 0);
    if (left.length === 0 || monotonicMs() > until)
      return left.map(([what, count]) => `${count} ${what} are left in the server with no call open`);
    await delay(50);
  }
}

function codesOf(log: readonly CallRecord[]): Record<string, number> {
  const codes: Record<string, number> = {};
  for (const { code, cancelled } of log) {
    const name = code === undefined ? (cancelled ? 'given up' : 'none') : String(code);
    codes[name] = (codes[name] ?? 0) + 1;
  }
  return codes;
}
