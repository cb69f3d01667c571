import type { Clock } from '../core/clock.js';
import type { Reason } from '../core/error.js';

/** What a window of time has shown. */
export interface DoorWindow {
  /** Calls that came to the door. */
  readonly begun: number;
  /** Of these, turned away there. */
  readonly turnedAway: number;
  /** Of those that were let in, refused further in for want of room or time. */
  readonly refused: number;
  /** Share of the time in which the event loop was busy. */
  readonly utilisation: number;
}

/** Where the front end is taken for the bottleneck. */
const BUSY = 0.9;
/** What a call costs that is turned away, of what the others cost (measured: 0.11 of a refusal further in). */
const DOOR_COST = 0.2;
/** Share of calls that come to nothing below which it is not worth it. */
const WORTHWHILE = 0.25;
/** How much more than was taken is let in: what the queue chooses from, and how growing room is noticed. */
const HEADROOM = 1.3;
const MOST = 0.95;
/** Shares of fewer calls say nothing. */
const MIN_CALLS = 10;
const LEAST = 0.02;

/**
 * The share of calls to turn away in the next window. While reading all requests would take all of the main thread's time, and
 * much of it for requests that are refused in the end, only `HEADROOM` times as many are let in as were taken; else the share is halved.
 */
export function nextShare(share: number, { begun, turnedAway, refused, utilisation }: DoorWindow): number {
  const letIn = begun - turnedAway;
  const taken = Math.max(0, letIn - refused);
  // What it would be if all had been let in: else turning calls away would hide why.
  const wholeUtilisation = (utilisation * begun) / (letIn + DOOR_COST * turnedAway);
  if (wholeUtilisation > BUSY && begun >= MIN_CALLS && begun - taken > WORTHWHILE * begun)
    return Math.min(MOST, Math.max(0, 1 - (HEADROOM * taken) / begun));
  return share / 2 < LEAST ? 0 : share / 2;
}

export interface DoormanOptions {
  readonly clock: Clock;
  /** The event loop's share of busy time since it was last asked. */
  readonly utilisation: () => number;
}

const WINDOW_MS = 100;
/** Of refusals that fewer calls would have spared. */
const FOR_WANT_OF_ROOM: ReadonlySet<Reason | undefined> = new Set<Reason>([
  'queue_full',
  'byte_budget',
  'backlog',
  'early_drop',
]);
/** The golden section: no rhythm of clients is in step with it. */
const PHASE = 0.618;

/**
 * Decides which calls are turned away at their headers, before their message is read: none, unless the front end itself is the
 * bottleneck. No chance is involved: every call adds the share, and the one that makes it whole goes.
 */
export class Doorman {
  readonly #clock: Clock;
  readonly #utilisation: () => number;
  #share = 0;
  #owed = 0;
  #begun = 0;
  #turnedAway = 0;
  #refused = 0;
  #closesAt: number;

  constructor({ clock, utilisation }: DoormanOptions) {
    this.#clock = clock;
    this.#utilisation = utilisation;
    this.#closesAt = clock.now() + WINDOW_MS;
  }

  /** To be asked once for each call that begins. */
  turnsAway(): boolean {
    const now = this.#clock.now();
    // By calls and not by a timer: an idle server has nothing to wake up for.
    if (now >= this.#closesAt) this.#close(now);
    this.#begun++;
    this.#owed += this.#share;
    if (this.#owed < 1) return false;
    this.#owed--;
    this.#turnedAway++;
    return true;
  }

  /** A call that was let in has failed. */
  failed(reason: Reason | undefined): void {
    if (FOR_WANT_OF_ROOM.has(reason)) this.#refused++;
  }

  #close(now: number): void {
    const [begun, turnedAway, refused] = [this.#begun, this.#turnedAway, this.#refused];
    this.#share = nextShare(this.#share, { begun, turnedAway, refused, utilisation: this.#utilisation() });
    // Clients that call in turn must not have the same one of them turned away every time.
    this.#owed = (this.#owed + PHASE) % 1;
    this.#begun = this.#turnedAway = this.#refused = 0;
    this.#closesAt = now + WINDOW_MS;
  }
}
