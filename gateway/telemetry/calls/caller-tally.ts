import type { CallerReport, CallerTotal, CallerUse } from '../../core/call-record.js';

/** How long calls are counted together; a report is of the time under way and of the one before. */
const WINDOW_MS = 10_000;
/** Callers told apart in one such time. Clients make up the names: bounded. */
const MAX_CALLERS = 100;

interface Account {
  calls: number;
  rows: number;
  bytes: number;
  refused: number;
  /** What decides who makes room for a stranger: calls and rows, begun with those of whom this one has replaced. */
  weight: number;
}

/**
 * Who takes how much of late. Where there are more callers than places, a stranger gets that of who took least, and his weight with it
 * (Metwally, Agrawal, El Abbadi, "Space-Saving", ICDT 2005): who takes more than a hundredth of all is always among those that are told.
 */
export class CallerTally {
  #since = 0;
  #formerSince = 0;
  #present = new Map<string, Account>();
  #former: ReadonlyMap<string, Account> = new Map();

  /** Counts one call. Looks through all only for a stranger where there is no room. */
  add({ caller, rows, bytes, refused, endedAt }: CallerUse): void {
    if (endedAt - this.#since >= WINDOW_MS) this.#turn(endedAt);
    const account = this.#present.get(caller) ?? this.#admit(caller);
    account.calls++;
    account.rows += rows;
    account.bytes += bytes;
    if (refused) account.refused++;
    account.weight += 1 + rows;
  }

  /** Who took most comes first. @param now on the scale of `endedAt` */
  read(now: number): CallerReport {
    if (now - this.#since >= WINDOW_MS) this.#turn(now);
    const totals = new Map<string, CallerTotal & { readonly weight: number }>();
    for (const accounts of [this.#former, this.#present])
      for (const [caller, of] of accounts) {
        const { calls = 0, rows = 0, bytes = 0, refused = 0, weight = 0 } = totals.get(caller) ?? {};
        totals.set(caller, {
          caller,
          calls: calls + of.calls,
          rows: rows + of.rows,
          bytes: bytes + of.bytes,
          refused: refused + of.refused,
          weight: weight + of.weight,
        });
      }
    const callers = [...totals.values()]
      .sort((a, b) => b.weight - a.weight)
      .map(({ weight: _, ...total }) => total);
    return { overMs: now - this.#formerSince, callers };
  }

  #turn(now: number): void {
    // After a pause what was before it is no longer of late.
    const stale = now - this.#since >= 2 * WINDOW_MS;
    this.#former = stale ? new Map() : this.#present;
    this.#formerSince = stale ? now : this.#since;
    this.#present = new Map();
    this.#since = now;
  }

  #admit(caller: string): Account {
    let weight = 0;
    if (this.#present.size >= MAX_CALLERS) {
      const [least, of] = this.#least();
      this.#present.delete(least);
      weight = of.weight;
    }
    const account = { calls: 0, rows: 0, bytes: 0, refused: 0, weight };
    this.#present.set(caller, account);
    return account;
  }

  #least(): [string, Account] {
    let least: [string, Account] | undefined;
    for (const each of this.#present)
      if (least === undefined || each[1].weight < least[1].weight) least = each;
    return least as [string, Account];
  }
}
