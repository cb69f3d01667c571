import type { Duplex } from 'node:stream';
import { freeBuffer } from '../core/free-buffer.js';
import { Charges } from './charges.js';
import type { ConnectionOptions, OpenConnection } from './connection-options.js';
import { ConnectionError, type H2ErrorCode, StreamError } from './errors.js';
import { FrameSplitter } from './frame-splitter.js';
import {
  DEFAULT_MAX_FRAME_BYTES,
  FLAG,
  FRAME,
  frame,
  H2_ERROR,
  MAX_STREAM_ID,
  PREFACE,
  SETTING,
  settingsFrame,
  writeUint32,
} from './frames.js';
import { HeaderBlocks } from './header-blocks.js';
import { HpackDecoder } from './hpack-decoder.js';
import { Lifetime } from './lifetime.js';
import { SendBuffer } from './send-buffer.js';
import { readPeerSettings } from './settings.js';
import { Streams } from './streams.js';

/** A peer that leaves more unread than this is not read from either. */
const MAX_UNREAD_BYTES = 2 ** 20;
/** How long a peer has to read the last of what it was sent. */
const FAREWELL_MS = 1000;
const PING_BYTES = 8;
const NOTHING = Buffer.alloc(0);

/**
 * One HTTP/2 connection, as its server (RFC 9113). It answers what the protocol wants answered, hands requests to `onRequest`, and
 * ends with a GOAWAY when the peer breaks the rules or takes more than a peer may. Nothing that a peer sends makes it throw, wait
 * or hold more than its limits.
 */
export class Connection implements OpenConnection {
  readonly #options: ConnectionOptions;
  readonly #socket: Duplex;
  readonly #out: SendBuffer;
  readonly #streams: Streams;
  readonly #splitter: FrameSplitter;
  readonly #blocks: HeaderBlocks;
  readonly #charges: Charges;
  readonly #lifetime: Lifetime;
  #prefaceSeen = 0;
  #over = false;

  /** @param peer the address at the other end, for those who serve its requests */
  constructor(socket: Duplex, peer: string, options: ConnectionOptions) {
    this.#options = options;
    this.#socket = socket;
    this.#out = new SendBuffer(socket, () => options.flushSoon(this), this.#onRoom);
    this.#splitter = new FrameSplitter(DEFAULT_MAX_FRAME_BYTES, this.#onFrame);
    this.#charges = new Charges(options.clock);
    this.#lifetime = new Lifetime(options, options.clock.now());
    const hpack = new HpackDecoder(options.maxHeaderListBytes);
    this.#blocks = new HeaderBlocks((id, ends, bytes, start, end) => {
      // Decoded whatever becomes of it, since later blocks depend on it.
      const list = hpack.decode(bytes, start, end);
      this.#streams.headers(id, list, ends);
    });
    this.#out.append(
      settingsFrame([
        [SETTING.maxConcurrentStreams, options.maxConcurrentStreams],
        [SETTING.initialWindowSize, options.streamWindowBytes],
        [SETTING.maxHeaderListSize, options.maxHeaderListBytes],
      ]),
    );
    this.#streams = new Streams(options, peer, this.#out, this.#charges, this.#onLastStream);
    socket.on('data', this.#onChunk);
    socket.on('error', () => socket.destroy());
    socket.on('close', this.#onClose);
  }

  flush(): void {
    this.#out.flush();
  }

  shutdown(): void {
    if (this.#over || !this.#lifetime.greeted) {
      this.#socket.destroy();
      return;
    }
    if (!this.#lifetime.leave()) return;
    // First without a last stream: what is on its way here shall still be served (section 6.8).
    this.#goaway(MAX_STREAM_ID, H2_ERROR.noError);
    this.#ping(0, Buffer.alloc(PING_BYTES));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  check(now: number): void {
    if (this.#over) return;
    for (const stream of this.#streams.windows.findStalled(this.#options.sendStallMs))
      this.#streams.reset(stream, H2_ERROR.cancel);
    const load = { open: this.#streams.size, unread: this.#out.waitingBytes };
    switch (this.#lifetime.check(now, load)) {
      case 'destroy':
        this.destroy();
        break;
      case 'silent':
        this.#fail(new ConnectionError(H2_ERROR.settingsTimeout, 'the peer did not say what it is'));
        break;
      case 'ping':
        this.#ping(0, Buffer.alloc(PING_BYTES));
        break;
      case 'leave':
        this.shutdown();
        break;
      case 'end':
        this.#streams.tellToEnd();
        break;
      case 'refuse':
        this.#refuse();
        break;
    }
  }

  readonly #onChunk = (chunk: Buffer): void => {
    if (this.#over) return;
    this.#lifetime.heard = true;
    let kept = true;
    try {
      const at = this.#prefaceSeen < PREFACE.length ? this.#readPreface(chunk) : 0;
      kept = this.#splitter.push(chunk, at);
    } catch (thrown) {
      if (!(thrown instanceof ConnectionError)) this.#options.onBug(thrown);
      this.#fail(
        thrown instanceof ConnectionError ? thrown : new ConnectionError(H2_ERROR.internalError, 'a bug'),
      );
    }
    if (!kept) freeBuffer(chunk);
    if (this.#out.waitingBytes > MAX_UNREAD_BYTES) this.#socket.pause();
  };

  /** Returns how far the chunk is the preface. */
  #readPreface(chunk: Buffer): number {
    const seen = this.#prefaceSeen;
    const at = Math.min(chunk.length, PREFACE.length - seen);
    if (chunk.compare(PREFACE, seen, seen + at, 0, at) !== 0)
      throw new ConnectionError(H2_ERROR.protocolError, 'not the preface of HTTP/2');
    this.#prefaceSeen += at;
    return at;
  }

  readonly #onFrame = (
    type: number,
    flags: number,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean => {
    if (this.#over) return false;
    if (!this.#lifetime.greeted && type !== FRAME.settings)
      throw new ConnectionError(H2_ERROR.protocolError, 'the first frame is not SETTINGS');
    if (this.#blocks.open && (type !== FRAME.continuation || id !== this.#blocks.stream))
      throw new ConnectionError(H2_ERROR.protocolError, 'a header block is interrupted');
    try {
      if (type === FRAME.data) return this.#streams.data(flags, id, bytes, start, end);
      this.#handle(type, flags, id, bytes, start, end);
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) throw thrown;
      this.#streams.fail(thrown);
    }
    return false;
  };

  #handle(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case FRAME.headers:
        this.#blocks.headers(flags, id, bytes, start, end);
        break;
      case FRAME.continuation:
        this.#blocks.continuation(flags, id, bytes, start, end);
        break;
      case FRAME.priority:
        this.#streams.priority(id, bytes, start, end);
        break;
      case FRAME.rstStream:
        this.#streams.rstStream(id, end - start);
        break;
      case FRAME.settings:
        this.#onSettings(flags, id, bytes, start, end);
        break;
      case FRAME.pushPromise:
        throw new ConnectionError(H2_ERROR.protocolError, 'a client promises nothing');
      case FRAME.ping:
        this.#onPing(flags, id, bytes, start, end);
        break;
      case FRAME.goaway:
        // It will open no new streams; those that are open go on.
        if (id !== 0) throw new ConnectionError(H2_ERROR.protocolError, 'GOAWAY on a stream');
        this.#charges.idleFrame();
        break;
      case FRAME.windowUpdate:
        this.#streams.windowUpdate(id, bytes, start, end);
        break;
      default:
        this.#charges.idleFrame();
    }
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const settings = readPeerSettings(flags, id, bytes, start, end);
    this.#lifetime.greeted = true;
    if (settings === undefined) return;
    this.#charges.idleFrame();
    // Before what the new windows let out: so the peer knows that they are meant by it.
    this.#out.append(frame(FRAME.settings, FLAG.ack, 0, NOTHING));
    const { initialWindowBytes } = settings;
    if (initialWindowBytes !== undefined)
      this.#streams.windows.setInitial(initialWindowBytes, this.#streams.all());
  }

  #onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw new ConnectionError(H2_ERROR.protocolError, 'PING on a stream');
    if (end - start !== PING_BYTES) throw new ConnectionError(H2_ERROR.frameSizeError, 'PING takes 8 bytes');
    this.#charges.idleFrame();
    if ((flags & FLAG.ack) === 0) this.#ping(FLAG.ack, bytes.subarray(start, end));
    else if (this.#lifetime.leaving) this.#refuse();
  }

  #ping(flags: number, payload: Uint8Array): void {
    this.#out.append(frame(FRAME.ping, flags, 0, payload));
  }

  #goaway(lastStream: number, code: H2ErrorCode): void {
    const payload = Buffer.alloc(8);
    writeUint32(payload, 0, lastStream);
    writeUint32(payload, 4, code);
    this.#out.append(frame(FRAME.goaway, 0, 0, payload));
  }

  /** From now on new streams are refused; once the open ones have ended, so does the connection. */
  #refuse(): void {
    if (this.#streams.refusing) return;
    this.#streams.refusing = true;
    this.#lifetime.refusing = true;
    this.#goaway(this.#streams.last, H2_ERROR.noError);
    if (this.#streams.size === 0) this.#farewell();
  }

  readonly #onLastStream = (): void => {
    if (this.#streams.refusing && !this.#over) this.#farewell();
  };

  /** Says what is left to say, and leaves the peer a moment to hear it. */
  #farewell(): void {
    this.#out.end();
    this.#options.clock.setTimer(() => this.#socket.destroy(), FAREWELL_MS, { unref: true });
  }

  /** The peer broke the rules: it is told which, and everything of it ends. */
  #fail(error: ConnectionError): void {
    if (this.#over) return;
    this.#goaway(this.#streams.last, error.code);
    this.#end();
    this.#farewell();
    // What it still sends is not read: it would cost memory, and time.
    this.#socket.pause();
  }

  readonly #onClose = (): void => {
    this.#end();
    this.#options.onClosed(this);
  };

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#streams.closeAll();
  }

  readonly #onRoom = (): void => {
    if (this.#over) return;
    this.#streams.windows.pump();
    if (this.#out.waitingBytes <= MAX_UNREAD_BYTES && this.#socket.isPaused()) this.#socket.resume();
  };
}
