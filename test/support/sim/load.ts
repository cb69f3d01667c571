import type { Arrivals } from './arrivals.js';
import type { SimRequest, World } from './world.js';

/** Requests that come on their own, whatever becomes of them. */
export interface Load extends Omit<SimRequest, 'deadlineMs'> {
  readonly arrivals: Arrivals;
  /** Of each request, in milliseconds. */
  readonly deadlineMs: () => number;
  /** For how long they come. */
  readonly lastsMs: number;
}

/** Begins a load now; it goes on while the world's clock runs. */
export function begin(world: World, load: Load): void {
  world.clock.stacks = false;
  const { arrivals, deadlineMs, lastsMs, ...request } = load;
  const until = world.clock.elapsedMs + lastsMs;
  const arrive = (): void => {
    world.submit({ ...request, deadlineMs: deadlineMs() });
    next();
  };
  const next = (): void => {
    const gapMs = arrivals();
    if (world.clock.elapsedMs + gapMs < until) world.clock.setTimer(arrive, gapMs);
  };
  next();
}
