import { AnswerHeadersCache } from './answer-headers.js';
import type { Call } from './call.js';
import { Connection, type ConnectionEvents } from './connection.js';

export interface PoolOptions {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Most calls open at once on a connection. */
  readonly streams: number;
  readonly events: PoolEvents;
  /** See ConnectionOptions. */
  readonly connectTimeoutMs?: number;
}

/** What the pool tells its owner. */
export interface PoolEvents {
  /** There may be room for calls that wait. */
  onRoom(): void;
  onMessage(call: Call, message: Buffer): void;
  /** @param connection where a stream has become free. */
  onEnd(call: Call, connection: Connection): void;
  /** A server that is going away has not looked at this call. */
  onHandedBack(call: Call): void;
  /** No connection is up, and an attempt to open one has failed: what waits cannot be served now. */
  onUnreachable(reason: string): void;
}

/** One of the pool's places; a connection that has gone leaves it to its successor. */
interface Slot {
  connection: Connection | undefined;
  backOffMs: number;
  retry: NodeJS.Timeout | undefined;
}

const READ_BUFFER_BYTES = 256 * 1024;
const FIRST_BACK_OFF_MS = 10;
const MAX_BACK_OFF_MS = 500;

/**
 * A number of connections to one server, kept up: one that goes away is replaced at once, one that fails after a back-off
 * that doubles until a connection has answered a call again.
 */
export class Pool implements ConnectionEvents {
  readonly #options: PoolOptions;
  readonly #events: PoolEvents;
  readonly #slots: Slot[];
  readonly #leaving = new Set<Connection>();
  readonly #readBuffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
  readonly #headers = new AnswerHeadersCache();
  readonly #dirty: Connection[] = [];
  #turn = 0;
  #full = true;
  #closed = false;
  #connects = 0;
  #firstTry: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #reads = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#slots = Array.from({ length: options.connections }, () => ({
      connection: undefined,
      backOffMs: FIRST_BACK_OFF_MS,
      retry: undefined,
    }));
  }

  /** How often a connection was opened. */
  get connects(): number {
    return this.#connects;
  }

  /** How often something was read: tells whether there was anything to do in the meantime. */
  get reads(): number {
    return this.#reads;
  }

  /**
   * Opens all connections.
   * @throws Error when the first attempt on one fails: the server cannot be reached, or not so often.
   */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#firstTry = { resolve, reject };
      for (const slot of this.#slots) this.#connect(slot);
    });
  }

  /**
   * A connection with room for a call, each in its turn, or the preferred one; undefined when there is none.
   * @param preferred e.g. the one on which a call has just ended.
   */
  pick(preferred?: Connection): Connection | undefined {
    if (preferred !== undefined && preferred.room > 0) return preferred;
    if (this.#full) return undefined;
    const count = this.#slots.length;
    for (let i = 0; i < count; i++) {
      this.#turn = this.#turn + 1 < count ? this.#turn + 1 : 0;
      const connection = this.#slots[this.#turn]?.connection;
      if (connection !== undefined && connection.room > 0) return connection;
    }
    this.#full = true;
    return undefined;
  }

  /** Opens a call on a connection that `pick` gave; written with the next `flush`, or when a read is done. */
  open(call: Call, connection: Connection, timeoutMs: number): void {
    call.reset();
    connection.open(call, timeoutMs);
    if (this.#dirty.at(-1) !== connection) this.#dirty.push(connection);
  }

  /** Writes what was opened. */
  flush(): void {
    for (const connection of this.#dirty) connection.flush();
    this.#dirty.length = 0;
  }

  /** Ends all connections and attempts; open calls end with STATUS.connection. */
  close(): void {
    this.#closed = true;
    for (const slot of this.#slots) {
      clearTimeout(slot.retry);
      slot.connection?.close('the run is over');
    }
    for (const connection of this.#leaving) connection.close('the run is over');
  }

  #connect(slot: Slot): void {
    slot.retry = undefined;
    this.#connects++;
    const { host, port, streams, connectTimeoutMs } = this.#options;
    slot.connection = new Connection({
      host,
      port,
      streams,
      readBuffer: this.#readBuffer,
      headers: this.#headers,
      events: this,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    });
  }

  #reconnect(slot: Slot, after: Connection): void {
    slot.connection = undefined;
    if (this.#closed) return;
    if (after.answered > 0) slot.backOffMs = FIRST_BACK_OFF_MS;
    const delayMs = after.answered > 0 ? 0 : slot.backOffMs;
    slot.backOffMs = Math.min(MAX_BACK_OFF_MS, slot.backOffMs * 2);
    if (delayMs === 0) this.#connect(slot);
    else slot.retry = setTimeout(() => this.#connect(slot), delayMs);
  }

  onRoom(_connection: Connection): void {
    this.#full = false;
    if (this.#firstTry === undefined) {
      this.#events.onRoom();
    } else if (this.#slots.every((slot) => slot.connection?.isOpen)) {
      this.#firstTry.resolve();
      this.#firstTry = undefined;
    }
  }

  onMessage(call: Call, message: Buffer): void {
    this.#events.onMessage(call, message);
  }

  onEnd(call: Call, connection: Connection): void {
    if (connection.room > 0) this.#full = false;
    this.#events.onEnd(call, connection);
  }

  onHandedBack(call: Call): void {
    this.#events.onHandedBack(call);
  }

  onLeaving(connection: Connection): void {
    this.#leaving.add(connection);
    const slot = this.#slots.find((each) => each.connection === connection);
    if (slot === undefined) return;
    this.#failFirstTry('the server went away while connections were opened');
    this.#reconnect(slot, connection);
  }

  onReadDone(): void {
    this.#reads++;
    this.flush();
  }

  onClosed(connection: Connection, reason: string): void {
    this.#leaving.delete(connection);
    const slot = this.#slots.find((each) => each.connection === connection);
    if (slot === undefined) return;
    this.#failFirstTry(reason);
    this.#reconnect(slot, connection);
    if (connection.answered > 0 || this.#closed) return;
    if (!this.#slots.some((each) => each.connection?.isOpen)) this.#events.onUnreachable(reason);
  }

  #failFirstTry(reason: string): void {
    if (this.#firstTry === undefined) return;
    const { reject } = this.#firstTry;
    this.#firstTry = undefined;
    this.close();
    reject(new Error(reason));
  }
}
