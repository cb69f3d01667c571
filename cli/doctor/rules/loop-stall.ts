import { between, type Finding, percent } from '../finding.js';
import type { Signs } from '../signs.js';

/** The thread that every request passes through stands still for a while, again and again. */
export function loopStall({ view, cores, coresUsed }: Signs): Finding | undefined {
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
      `the server used ${coresUsed.toFixed(1)} of ${cores} cores${coresUsed < 0.5 * cores ? ': if its main thread was not what used them, others have the cores' : ''}`,
      `workers are busy ${percent(view.saturation['workers'] ?? 0)} of the time: what is late is before and after them`,
    ],
    next: 'ps -eLo pid,tid,pcpu,comm,args --sort=-pcpu | head -20',
    advice:
      'on its machine shows which threads have the cores: its main thread (pid and tid are the same), its workers, or other processes. In a program that embeds the gateway: what runs in its main thread. Else more servers with fewer connections each.',
  };
}
