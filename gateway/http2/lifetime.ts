import type { ConnectionOptions } from './connection-options.js';

/** What a connection is to do about its age and its silence. */
export type LifetimeVerdict = 'nothing' | 'ping' | 'leave' | 'refuse' | 'end' | 'silent' | 'destroy';

type Limits = Pick<
  ConnectionOptions,
  | 'openingTimeoutMs'
  | 'keepaliveTimeMs'
  | 'keepaliveTimeoutMs'
  | 'sendStallMs'
  | 'maxIdleMs'
  | 'maxAgeMs'
  | 'maxAgeGraceMs'
>;

/** How long the peer may take to answer the PING that goes with a first GOAWAY. */
const LEAVE_ROUND_TRIP_MS = 1000;

/** How long streams may take to end once their grace is over. */
const LAST_WORD_MS = 5000;

/** What time does to a connection: pure decisions over (state, now), asked for at every look. */
export class Lifetime {
  readonly #limits: Limits;
  readonly #bornAt: number;
  readonly #leaveAt: number;
  /** Set by the connection when something has come; taken back at every look. */
  heard = false;
  /** The peer has said who it is. */
  greeted = false;
  /** Streams were told that their grace is over. */
  #ended = false;
  /** New streams are refused: the second GOAWAY is out. */
  refusing = false;
  /** When the peer was last heard of, and asked; undefined where it was not. */
  #heardAt: number;
  #askedAt: number | undefined;
  /** When the peer was told to go. */
  #leavingAt: number | undefined;
  #now: number;
  #unread = 0;
  /** When a stream was last seen open. */
  #busyAt: number;
  #unreadSince: number;

  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#bornAt = now;
    this.#leaveAt = now + limits.maxAgeMs();
    this.#heardAt = now;
    this.#unreadSince = now;
    this.#busyAt = now;
    this.#now = now;
  }

  get leaving(): boolean {
    return this.#leavingAt !== undefined;
  }

  /** The peer is told to go; false when it was told before. */
  leave(): boolean {
    if (this.leaving) return false;
    this.#leavingAt = this.#now;
    return true;
  }

  /** `open` streams, and bytes that the peer has left `unread`. */
  check(now: number, { open, unread }: { open: number; unread: number }): LifetimeVerdict {
    this.#now = now;
    const limits = this.#limits;
    if (!this.greeted) return now - this.#bornAt >= limits.openingTimeoutMs ? 'silent' : 'nothing';
    if (this.#isStalled(now, unread)) return 'destroy';
    if (this.heard) {
      this.heard = false;
      this.#heardAt = now;
      this.#askedAt = undefined;
    }
    if (this.#askedAt !== undefined && now - this.#askedAt >= limits.keepaliveTimeoutMs) return 'destroy';
    if (this.#leavingAt !== undefined) return this.#checkLeaving(now, this.#leavingAt, open);
    if (open > 0) this.#busyAt = now;
    if (now >= this.#leaveAt || now - this.#busyAt >= limits.maxIdleMs) return 'leave';
    if (this.#askedAt === undefined && now - this.#heardAt >= limits.keepaliveTimeMs) {
      this.#askedAt = now;
      return 'ping';
    }
    return 'nothing';
  }

  #checkLeaving(now: number, leavingAt: number, open: number): LifetimeVerdict {
    const aged = leavingAt >= this.#leaveAt;
    const overdueMs = now - leavingAt - this.#limits.maxAgeGraceMs;
    if (aged && open > 0 && overdueMs >= 0) {
      if (overdueMs >= LAST_WORD_MS) return 'destroy';
      if (!this.#ended) {
        this.#ended = true;
        return 'end';
      }
    }
    if (!this.refusing && now - leavingAt >= LEAVE_ROUND_TRIP_MS) return 'refuse';
    return 'nothing';
  }

  /** Whether the peer has not read anything for too long. Less unread, or none, is progress. */
  #isStalled(now: number, unread: number): boolean {
    if (this.#unread === 0 || unread < this.#unread) this.#unreadSince = now;
    this.#unread = unread;
    return unread > 0 && now - this.#unreadSince >= this.#limits.sendStallMs;
  }
}
