import { type Random, seededRandom } from '../../bench/load/random.js';
import type { Order } from '../faults/scenario.js';

/** What happens to a server in a soak: drawn by seed, pure. */

/** What this build and this kind of worker can be struck with. */
export interface Abilities {
  readonly isolation: 'thread' | 'process';
  /** Hung runs are noticed. */
  readonly hangs: boolean;
  /** The pool can be resized. */
  readonly resize: boolean;
  readonly workers: number;
}

export type Act =
  | { readonly kind: 'orders'; readonly orders: readonly Order[] }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly workers: number }
  | { readonly kind: 'resize'; readonly workers: number }
  /** A row that kills whoever runs it. */
  | { readonly kind: 'guilty' };

export interface PlannedAct {
  readonly atMs: number;
  readonly act: Act;
}

const LEAST_GAP_MS = 100;
const MOST_GAP_MS = 1500;
/** Nothing happens at the end, so that all can be answered. */
const QUIET_MS = 3000;

/** The acts of one server's life, ascending. The same seed, length and abilities give the same acts. */
export function nemesisPlan(seed: number, durationMs: number, abilities: Abilities): PlannedAct[] {
  const random = seededRandom(seed, 3);
  const acts: PlannedAct[] = [];
  // A wedged thread never comes back: one of them is what a server survives.
  let wedges = abilities.isolation === 'process' ? Number.POSITIVE_INFINITY : 1;
  for (let atMs = 500; atMs < durationMs - QUIET_MS; ) {
    const choices = choicesFor(abilities, wedges > 0);
    const act = (choices[Math.floor(random() * choices.length)] as (random: Random) => Act)(random);
    if (act.kind === 'orders' && act.orders.some(({ kind }) => kind === 'hang')) wedges--;
    acts.push({ atMs: Math.round(atMs), act });
    atMs += LEAST_GAP_MS + random() * (MOST_GAP_MS - LEAST_GAP_MS);
  }
  return acts;
}

function choicesFor({ isolation, hangs, resize, workers }: Abilities, mayWedge: boolean) {
  const orders =
    (...given: [Order['kind'], Order['when']?][]) =>
    (): Act => ({
      kind: 'orders',
      orders: given.map(([kind, when = 'run']) => ({ kind, when })),
    });
  const signal =
    (name: NodeJS.Signals, count = 1) =>
    (): Act => ({ kind: 'signal', signal: name, workers: count });
  const choices: ((random: Random) => Act)[] = [
    orders(['throw']),
    orders(['exit']),
    orders(['allocate']),
    orders(['throw'], ['throw', 'load']),
    orders(['exit'], ['exit', 'warm-up']),
    orders(...Array.from({ length: workers }, (): [Order['kind']] => ['throw'])),
    () => ({ kind: 'guilty' }),
  ];
  if (hangs && mayWedge) choices.push(orders(['hang']));
  if (resize)
    choices.push((random) => ({ kind: 'resize', workers: 1 + Math.floor(random() * (workers + 1)) }));
  if (isolation === 'process') {
    choices.push(signal('SIGKILL'), signal('SIGKILL', workers), orders(['abort']), orders(['kill', 'load']));
    if (hangs) choices.push(signal('SIGSTOP'), orders(['hang-native']));
  }
  return choices;
}
