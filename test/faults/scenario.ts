import type { FaultKind, FaultMoment } from '../../worker/waiting-faults.js';

/** What is done to a server that serves, and what is asked of it then: data, so that the page and the tests can read it. */

/** A run of the model of these tests takes so long, whatever its rows, in milliseconds. */
export const SERVICE_MS = 5;
/** Rows that one run takes at most. */
export const MAX_ROWS = 8;
export const WORKERS = 2;
/** What two workers can do at most, and 45% of it, which one alone can still do. */
export const CALLS_PER_S = 0.45 * ((WORKERS * MAX_ROWS * 1000) / SERVICE_MS);
/** A load of the model, and its warm-up. */
export const LOAD_MS = 40;
export const WARM_UP_MS = 10;
/** `workers.hangTimeoutMs` of these servers. */
export const HANG_MS = 200;
export const MAX_HEAP_BYTES = 32 * 1024 * 1024;

/** A fault that one of the workers takes at its next run, load or warm-up. */
export interface Order {
  readonly when: FaultMoment;
  readonly kind: FaultKind;
}

/** What strikes: orders that workers take, one each, or a signal to processes of workers. */
export type Strike =
  | { readonly by: 'orders'; readonly orders: readonly Order[] }
  | { readonly by: 'signal'; readonly signal: NodeJS.Signals; readonly workers: number };

/** What the answers and figures must keep to. */
export interface Bars {
  /** Nothing may fail. Else it is only told: nobody was there to answer. */
  readonly noneFails: boolean;
  /** Longest time from the fault until all workers are ready again, in milliseconds. Undefined: until the server is restarted. */
  readonly fullMs: number | undefined;
  /** How far the p99 of the second of the fault may lie above that of other seconds, in batch-service times. Undefined: only told. */
  readonly p99Services: number | undefined;
}

/** How a scenario goes: under load, at a drain, of a whole server process, on a real model, or again and again to look for leaks. */
export type Course = 'load' | 'drain' | 'server' | 'real' | 'leaks';

export interface Scenario {
  /** One word for the command line and the page. */
  readonly name: string;
  /** In words, for the page. */
  readonly what: string;
  readonly isolation: 'thread' | 'process';
  readonly course: Course;
  readonly strike: Strike;
  /** How often it strikes, and how long apart, in milliseconds. */
  readonly times: number;
  readonly everyMs: number;
  readonly bars: Bars;
  /** Needs the watchdog of runs that hang. */
  readonly hangs?: boolean;
}

/** One strike, and what came of it. */
export interface Round {
  /** Until all workers were ready again; undefined when they were not in time. */
  readonly fullMs: number | undefined;
  /** The next fault struck before they were: how long it took says nothing. */
  readonly overtaken?: boolean;
  /** p99 of the calls of that second, in milliseconds; undefined where no calls were made for it. */
  readonly p99Ms: number | undefined;
}

/** What a scenario found. */
export interface Measured {
  readonly calls: number;
  /** Whatever was not OK: refused, failed, late, or never answered. */
  readonly failed: number;
  /** Answers that came twice, as the server counts them against its clients. */
  readonly doubled: number;
  /** OK, and not the answer to this call. */
  readonly wrong: number;
  /** p99 of the seconds without a fault, in milliseconds. */
  readonly steadyP99Ms: number | undefined;
  readonly rounds: readonly Round[];
  /** First odd answers, for people; and what else is to be said. */
  readonly notes: readonly string[];
  /** What has leaked, in words. */
  readonly leaks?: readonly string[];
}

/** Why a scenario cannot be run on this build or machine. */
export class NotAvailable extends Error {}
