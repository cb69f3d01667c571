import { median } from './plan.js';
import { type Measured, type Scenario, SERVICE_MS } from './scenario.js';

/** The figures of a scenario, and where they miss its bars: pure. */

export interface Verdict {
  readonly calls: number;
  readonly failed: number;
  readonly doubled: number;
  readonly wrong: number;
  /** Of the rounds the longest; undefined where capacity was not full again, or nothing is known. */
  readonly fullMs: number | undefined;
  /** Of the rounds the middle one, in batch-service times: single seconds also tell of what else the machine does. */
  readonly p99Services: number | undefined;
  /** Where a bar is missed, in words. */
  readonly misses: readonly string[];
}

export function judge({ bars, course }: Scenario, measured: Measured): Verdict {
  const { calls, failed, doubled, wrong, rounds, leaks = [] } = measured;
  const misses: string[] = [...leaks];
  const miss = (when: boolean, text: string): void => {
    if (when) misses.push(text);
  };
  miss(calls === 0 && course !== 'leaks', 'no calls were made');
  miss(rounds.length === 0, 'no fault struck');
  miss(bars.noneFails && failed > 0, `${failed} of ${calls} calls failed, wanted none`);
  miss(doubled > 0, `${doubled} answers came twice`);
  miss(wrong > 0, `${wrong} answers were wrong`);
  const full = rounds.filter(({ overtaken }) => overtaken !== true).map(({ fullMs }) => fullMs);
  const late = full.filter((ms) => ms === undefined).length;
  const fullMs = late > 0 || full.length === 0 ? undefined : Math.max(...(full as number[]));
  if (bars.fullMs !== undefined && rounds.length > 0) {
    miss(late > 0, `capacity was not full again after ${late} of ${full.length} faults`);
    miss(full.length === 0, 'capacity was never full');
    miss(
      fullMs !== undefined && fullMs > bars.fullMs,
      `capacity was full again after ${Math.round(fullMs ?? 0)} ms, wanted at most ${bars.fullMs}`,
    );
  }
  const p99Services = beyondSteady(measured);
  if (bars.p99Services !== undefined) {
    miss(p99Services === undefined, 'no p99 is known');
    miss(
      p99Services !== undefined && p99Services > bars.p99Services,
      `p99 was ${p99Services?.toFixed(1)} batch-service times above the steady one, wanted at most ${bars.p99Services}`,
    );
  }
  return { calls, failed, doubled, wrong, fullMs, p99Services, misses };
}

function beyondSteady({ steadyP99Ms, rounds }: Measured): number | undefined {
  if (steadyP99Ms === undefined) return undefined;
  const known = rounds.map(({ p99Ms }) => p99Ms).filter((ms) => ms !== undefined);
  const middle = median(known);
  return middle === undefined ? undefined : (middle - steadyP99Ms) / SERVICE_MS;
}
