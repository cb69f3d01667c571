import type { LoadPlan } from '../contract.js';
import type { PartProgress, PartResult } from './driver.js';

/** To a generator process. */
export type ToGenerator =
  /** First: connect, and say `ready` or `unreachable`. */
  | { readonly kind: 'plan'; readonly plan: LoadPlan; readonly index: number; readonly progress: boolean }
  /** Then: begin at this instant of clock.ts, the same for all processes. */
  | { readonly kind: 'start'; readonly atMs: number };

/** From a generator process. */
export type FromGenerator =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'progress'; readonly progress: PartProgress }
  /** The last: the process ends by itself after it. */
  | { readonly kind: 'result'; readonly result: PartResult };
