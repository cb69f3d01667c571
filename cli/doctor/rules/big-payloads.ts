import { clamp, type Finding, percent, size } from '../finding.js';
import type { Signs } from '../signs.js';

const MIB = 2 ** 20;

/** Requests are large, and their bytes are what there is no room or no time for. */
export function bigPayloads({ view, versions, queuedBytes }: Signs): Finding | undefined {
  const [most] = [...versions].sort((a, b) => b.bytesPerSec - a.bytesPerSec);
  const mean = most?.meanBytes ?? 0;
  const budget = view.refusedPerSec['byte_budget'] ?? 0;
  if (most === undefined || mean < MIB || most.bytesPerSec < MIB) return undefined;
  const held = view.saturation['queue_bytes'] ?? 0;
  const loop = view.saturation['event_loop'] ?? 0;
  const noRoom = budget > 0 || held >= 0.5;
  const noTime = loop >= 0.7 || view.loopDelayMs.p99 >= 50;
  const score = (mean >= 4 * MIB ? 0.5 : 0.4) + (noRoom ? 0.35 : 0) + (noTime ? 0.2 : 0);
  return {
    cause: 'big_payloads',
    summary: `Requests to ${most.model} are large: ${size(mean)} each`,
    score: clamp(score, 0, 0.95),
    evidence: [
      `${size(most.bytesPerSec)} arrive each second; p99 of a request is about ${size(most.p99Bytes ?? mean)}`,
      `requests hold ${size(queuedBytes)}, ${percent(held)} of what they may; ${budget.toFixed(1)}/s are refused for it (byte_budget)`,
      `the event loop is busy ${percent(loop)} of the time, late by p99 ${view.loopDelayMs.p99.toFixed(0)} ms`,
    ],
    next: 'sluice models --verbose',
    asks: 'grpc',
    advice:
      'shows shapes and datatypes. Send fewer rows a call and raw contents, a smaller datatype, or only what the model needs; else more memory and a larger queue.maxQueueBytes, or more servers.',
  };
}
