/** Callers remembered that have nothing waiting: their debts are forgotten beyond it. */
const MAX_IDLE = 1024;

interface Account {
  /** Rows that were run for it, divided by its share. */
  used: number;
  waiting: number;
}

/**
 * Who has had how much of one model version: start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996), with rows for time. A
 * caller that comes back after a while begins at what the others have had by now: it can neither save up nor be made to pay for
 * having been alone.
 */
export class CallerShares {
  readonly #accounts = new Map<string, Account>();
  readonly #shareOf: (caller: string) => number;
  #now = 0;

  constructor(shareOf: (caller: string) => number) {
    this.#shareOf = shareOf;
  }

  /** A request of this caller waits. */
  enter(caller: string): void {
    const account = this.#accounts.get(caller);
    if (account === undefined) {
      if (this.#accounts.size >= MAX_IDLE) this.#forgetIdle();
      this.#accounts.set(caller, { used: this.#now, waiting: 1 });
      return;
    }
    if (account.waiting === 0) account.used = Math.max(account.used, this.#now);
    account.waiting++;
  }

  /** One waits no longer. */
  leave(caller: string): void {
    const account = this.#accounts.get(caller);
    if (account !== undefined) account.waiting--;
  }

  usedBy(caller: string): number {
    return this.#accounts.get(caller)?.used ?? this.#now;
  }

  /** What so many rows are to this caller's account. */
  priceOf(caller: string, rows: number): number {
    return rows / Math.max(this.#shareOf(caller), 1e-3);
  }

  /** Rows are run for this caller. */
  charge(caller: string, rows: number): void {
    const account = this.#accounts.get(caller);
    if (account === undefined) return;
    this.#now = Math.max(this.#now, account.used);
    account.used += this.priceOf(caller, rows);
  }

  /** Callers with something waiting. */
  get active(): number {
    let active = 0;
    for (const { waiting } of this.#accounts.values()) if (waiting > 0) active++;
    return active;
  }

  #forgetIdle(): void {
    for (const [caller, { waiting }] of this.#accounts) if (waiting === 0) this.#accounts.delete(caller);
  }
}
