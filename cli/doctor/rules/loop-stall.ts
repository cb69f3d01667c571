import { between, type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';

/** The thread that every request passes through stands still for a while, again and again. */
export function loopStall({ view }: Signs): Finding | undefined {
  const { p50, p99, max } = view.loopDelayMs;
  const often = p99 <= 0 ? 0 : between(Math.log10(p99), [1.3, 0.3], [2.3, 0.92]);
  const once = max <= 0 ? 0 : between(Math.log10(max), [2.4, 0.3], [3.3, 0.75]);
  const score = Math.max(often, once);
  if (p99 < 30 && max < 300) return undefined;
  return {
    cause: 'loop_stall',
    summary: `The server's event loop stalls, for up to ${max.toFixed(0)} ms`,
    score,
    evidence: [
      `late by p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(0)} ms, most ${max.toFixed(0)} ms in the last 15 to 30 s; busy ${percent(view.saturation['event_loop'] ?? 0)} of the time`,
      `workers are busy ${percent(view.saturation['workers'] ?? 0)} of the time: what is late is before and after them`,
    ],
    next: `top -H -p "$(pgrep -of 'sluice.js serve')"`,
    advice:
      'shows whether its main thread is busy itself, or other processes have the cores. In a program that embeds the gateway: what runs in its main thread. Else more servers with fewer connections each.',
  };
}
