import { before, type Turn } from './batch-policy.js';
import type { Entry } from './entry.js';
import type { HeapItem } from './indexed-heap.js';
import type { Lane } from './lane.js';
import { OrderedList } from './ordered-list.js';

/** Callers of one queue that are told apart; those beyond share a line. */
const MAX_LINES = 128;

/** Entries of one level and one caller, in order of their turns. */
interface CallerLine {
  readonly level: number;
  readonly caller: string;
  readonly entries: OrderedList<Entry>;
}

/** A line as it is read: how far, and what its caller would have had by then. */
interface Reader {
  readonly line: CallerLine;
  readonly rest: Iterator<Entry, void>;
  head: Entry | undefined;
  used: number;
}

/**
 * The waiting entries that can run together: one model version, one per-row shape. In order of precedence: the more urgent level
 * first, then the caller that has had less, then the earlier turn (the deadline, as a rule). Its own turn is that of its first entry.
 */
export class BatchQueue implements HeapItem, Turn {
  heapIndex = -1;
  readonly lane: Lane;
  readonly shape: string;
  level = Number.POSITIVE_INFINITY;
  turn = Number.POSITIVE_INFINITY;
  sequence = 0;
  size = 0;
  /** Rows that wait. */
  cost = 0;
  /** By level. Nearly always one. */
  readonly #lines: CallerLine[] = [];

  constructor(lane: Lane, shape: string) {
    this.lane = lane;
    this.shape = shape;
  }

  /** A copy. */
  entries(): Entry[] {
    return this.#lines.flatMap(({ entries }) => [...entries]);
  }

  /** Whether the queue's own place changed by it. */
  add(entry: Entry): boolean {
    let line = this.#lineOf(entry);
    if (line === undefined) {
      const full = this.#lines.length >= MAX_LINES;
      line = { level: entry.level, caller: full ? '' : entry.caller, entries: new OrderedList() };
      this.#lines.push(line);
      this.#lines.sort((a, b) => a.level - b.level);
    }
    line.entries.add(entry);
    this.size++;
    this.cost += entry.cost;
    return this.#follow();
  }

  /** Whether the queue's own place changed by it. */
  remove(entry: Entry): boolean {
    for (const [index, line] of this.#lines.entries()) {
      if (line.level !== entry.level || !line.entries.remove(entry)) continue;
      if (line.entries.size === 0) this.#lines.splice(index, 1);
      this.size--;
      this.cost -= entry.cost;
      break;
    }
    return this.#follow();
  }

  /** The first entries by precedence that fit into `maxCost` rows together, at least one, into `into`. */
  peek(maxCost: number, into: Entry[]): void {
    into.length = 0;
    if (this.#lines.length === 1) {
      (this.#lines[0] as CallerLine).entries.read(maxCost, into);
      return;
    }
    let cost = 0;
    for (const entry of this.#inOrder()) {
      if (into.length > 0 && cost + entry.cost > maxCost) return;
      into.push(entry);
      cost += entry.cost;
    }
  }

  /** Rows that would go before an entry of this level and caller with this turn. Optimistic: a caller waits behind its own fair share. */
  costBefore(level: number, caller: string, turn: number): number {
    const only = this.#lines.length === 1 ? this.#lines[0] : undefined;
    if (only?.level === level && only.caller === caller) return only.entries.costUpTo(turn);
    let urgent = 0;
    let all = 0;
    let own = 0;
    let callers = 0;
    for (const line of this.#lines) {
      if (line.level > level) continue;
      if (line.level < level) {
        urgent += line.entries.cost;
        continue;
      }
      callers++;
      const cost = line.entries.costUpTo(turn);
      all += cost;
      if (line.caller === caller) own = cost;
    }
    return urgent + Math.min(all, own * callers);
  }

  /** See OrderedList.allEndInTime: of those of this level and more urgent ones. */
  allEndInTime(level: number, skipCost: number, endAt: (cost: number) => number): boolean {
    let before = 0;
    const lines = this.#lines.filter((line) => line.level <= level);
    for (const { entries } of lines) {
      // Lines of one level take turns: each waits as if all were as long.
      const ahead = before;
      const among = lines.filter((line) => line.level === level).length;
      if (!entries.allEndInTime(skipCost - ahead, (cost) => endAt(among > 1 ? cost * among : cost)))
        return false;
      if (among <= 1) before += entries.cost;
    }
    return true;
  }

  /** When the one that has waited longest had come. */
  oldestAt(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { entries } of this.#lines)
      for (const entry of entries) oldest = Math.min(oldest, entry.submittedAt);
    return oldest;
  }

  *#inOrder(): Generator<Entry, void> {
    const { length } = this.#lines;
    for (let start = 0, end = 0; start < length; start = end) {
      const { level } = this.#lines[start] as CallerLine;
      while (end < length && this.#lines[end]?.level === level) end++;
      if (end === start + 1) yield* (this.#lines[start] as CallerLine).entries;
      else yield* this.#fairly(this.#lines.slice(start, end));
    }
  }

  /** Entries of several callers: of those that have had about least, whose turn comes first. */
  *#fairly(lines: readonly CallerLine[]): Generator<Entry, void> {
    const { shares } = this.lane;
    // Less than a batch: who is owed rows must not wait for one more.
    const patience = this.lane.knee / 4;
    let readers = lines.map((line): Reader => {
      const rest = line.entries[Symbol.iterator]();
      return { line, rest, head: rest.next().value ?? undefined, used: shares.usedBy(line.caller) };
    });
    while (readers.length > 0) {
      let least = Number.POSITIVE_INFINITY;
      for (const { used } of readers) least = Math.min(least, used);
      let best: Reader | undefined;
      for (const reader of readers) {
        if (reader.used > least + patience) continue;
        if (best === undefined || before(reader.head as Entry, best.head as Entry)) best = reader;
      }
      const next = best as Reader;
      const entry = next.head as Entry;
      yield entry;
      next.used += shares.priceOf(next.line.caller, entry.cost);
      next.head = next.rest.next().value ?? undefined;
      if (next.head === undefined) readers = readers.filter((reader) => reader !== next);
    }
  }

  #lineOf({ level, caller }: Entry): CallerLine | undefined {
    const { length } = this.#lines;
    if (length === 0) return undefined;
    for (const line of this.#lines) if (line.level === level && line.caller === caller) return line;
    if (length < MAX_LINES) return undefined;
    return this.#lines.find((line) => line.level === level && line.caller === '');
  }

  #follow(): boolean {
    let head: Entry | undefined;
    for (const line of this.#lines) {
      if (head !== undefined && line.level > head.level) break;
      const first = line.entries.first as Entry;
      if (head === undefined || before(first, head)) head = first;
    }
    if (head === undefined) return false;
    if (head.level === this.level && head.turn === this.turn && head.sequence === this.sequence) return false;
    this.level = head.level;
    this.turn = head.turn;
    this.sequence = head.sequence;
    return true;
  }
}

/** The order of queues of one model version: by the level of their first entries, then by their turns. */
export function queueBefore(a: BatchQueue, b: BatchQueue): boolean {
  return a.level < b.level || (a.level === b.level && before(a, b));
}
