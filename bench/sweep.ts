import type { Arrivals, LoadPlan, LoadResult, Progress, RunLoad, Target } from './contract.js';
import type { Measurement } from './report/document.js';
import { figuresOf } from './report/figures.js';
import type { ServerFigures } from './targets/server-figures.js';
import { arrivalsLabel } from './trace.js';

/** Scrapes a server around a measurement. */
export interface ServerWatch {
  /** Called when the warm-up is over; later calls replace earlier ones. */
  begin(): void;
  /** The figures since `begin`; null when they cannot be had. */
  end(): Promise<ServerFigures | null>;
}

/** What is to be measured, and where it stands among the others. */
export interface Planned {
  readonly step: string;
  readonly repetition: number;
  readonly side: Measurement['side'];
  readonly plan: LoadPlan;
}

export interface SweepOptions {
  /** What all plans share. */
  readonly base: Omit<LoadPlan, 'arrivals'>;
  readonly points: readonly Arrivals[];
  readonly repeat: number;
  readonly against?: Target | undefined;
}

/**
 * All measurements in the order in which they are made. Repetitions are interleaved: every point once, then every point
 * again, so that a machine that slowly changes does so for all of them. Two servers take turns, and who begins
 * alternates. Each repetition has a seed of its own, the same for both servers.
 */
export function planSweep({ base, points, repeat, against }: SweepOptions): Planned[] {
  const planned: Planned[] = [];
  for (let repetition = 0; repetition < repeat; repetition++) {
    for (const [index, arrivals] of points.entries()) {
      const plan = { ...base, arrivals, seed: (base.seed + repetition) >>> 0 };
      const step = arrivalsLabel(arrivals);
      const both: Planned[] = [{ step, repetition, side: 'main', plan }];
      if (against !== undefined)
        both.push({ step, repetition, side: 'against', plan: { ...plan, target: against } });
      planned.push(...((repetition + index) % 2 === 0 ? both : both.reverse()));
    }
  }
  return planned;
}

/** What a measurement needs of the outside. */
export interface MeasureOptions {
  readonly runLoad: RunLoad;
  readonly watch?: ServerWatch | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Wall-clock time, for people. */
  readonly now: () => Date;
}

/** Makes one measurement. Rejects as `runLoad` does. */
export async function measure(planned: Planned, options: MeasureOptions): Promise<Measurement> {
  const { runLoad, watch, onProgress, signal, now } = options;
  const startedAt = now().toISOString();
  watch?.begin();
  let phase: Progress['phase'] = 'warmup';
  const progressed = (progress: Progress): void => {
    if (phase === 'warmup' && progress.phase !== 'warmup') watch?.begin();
    phase = progress.phase;
    onProgress?.(progress);
  };
  const result: LoadResult = await runLoad(planned.plan, {
    onProgress: progressed,
    ...(signal === undefined ? {} : { signal }),
  });
  const server = (await watch?.end()) ?? null;
  const { step, repetition, side } = planned;
  return { step, repetition, side, startedAt, figures: figuresOf(result), server, result };
}
