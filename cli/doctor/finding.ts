import type { Signs } from './signs.js';

/** What can be the matter. */
export type Cause =
  | 'cpu_throttled'
  | 'memory'
  | 'workers_lost'
  | 'slow_version'
  | 'hot_caller'
  | 'big_payloads'
  | 'loop_stall'
  | 'collector_down'
  | 'overload'
  | 'broken_version'
  | 'bad_requests'
  | 'short_deadlines'
  | 'not_ready';

/** What one rule has to say. */
export interface Finding {
  readonly cause: Cause;
  /** What is the matter, in one line. */
  readonly summary: string;
  /** From 0 to 1: how sure it is, and how much harm it explains. */
  readonly score: number;
  /** What was seen, a line each. */
  readonly evidence: readonly string[];
  /** The command to type next. */
  readonly next: string;
  /** Whom that command asks: it is told where, unless that is where it would ask anyhow. @default nobody, it is no command of ours */
  readonly asks?: 'admin' | 'grpc' | 'metrics';
  /** What helps, or what that command tells. */
  readonly advice: string;
}

/** Looks at the signs for one cause; pure. Undefined: nothing speaks for it. */
export type Rule = (signs: Signs) => Finding | undefined;

/** A value within bounds. */
export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** A straight line through two points, flat beyond them. */
export function between(
  value: number,
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
): number {
  return y0 + clamp((value - x0) / (x1 - x0), 0, 1) * (y1 - y0);
}

/** A share for people. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}

/** A size for people. */
export function size(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 1024).toFixed(1)} KiB`;
}

/** A name in a command: quoted for a shell unless that is not needed. */
export function shellWord(text: string): string {
  return /^[\w.@%+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
