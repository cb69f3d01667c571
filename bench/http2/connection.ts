import { connect, type Socket } from 'node:net';
import {
  FLAG,
  FRAME,
  frame,
  H2_ERROR,
  MAX_STREAM_ID,
  numberFrame,
  SETTING,
} from '../../gateway/http2/frames.js';
import type { AnswerHeadersCache } from './answer-headers.js';
import type { Call } from './call.js';
import { FrameReader, type FrameSink } from './frame-reader.js';
import { STATUS, statusOfReset } from './grpc-status.js';
import { OutBuffer } from './out-buffer.js';
import { clientPreface } from './preface.js';
import { SendQueue } from './send-queue.js';

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** Most calls open at once, if the server allows as many. */
  readonly streams: number;
  /** Memory to read into. May be shared: it is used up before the next read of any connection of the thread. */
  readonly readBuffer: Buffer;
  readonly headers: AnswerHeadersCache;
  readonly events: ConnectionEvents;
  /** How long it may take until the server has sent its settings. @default 5000 */
  readonly connectTimeoutMs?: number;
}

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** Calls can be opened, perhaps more than before. */
  onRoom(connection: Connection): void;
  /** The message of an answer, to be read at once; only for calls that want it. */
  onMessage(call: Call, message: Buffer): void;
  /** The call has its status; its stream is free. */
  onEnd(call: Call, connection: Connection): void;
  /** The server says that it has not looked at this call: it may be opened elsewhere. */
  onHandedBack(call: Call): void;
  /** No call can be opened any more; the open ones go on. */
  onLeaving(connection: Connection): void;
  /** All that one read brought has been handled: time to write. */
  onReadDone(): void;
  /** The end. Open calls have ended with STATUS.connection before. */
  onClosed(connection: Connection, reason: string): void;
}

const CONNECT_TIMEOUT_MS = 5000;
/** The connection's window is given back in portions as large as this. */
const WINDOW_PORTION_BYTES = 2 ** 29;

/**
 * One HTTP/2 connection of a gRPC client (RFC 9113), for unary calls only. Requests come encoded; what is left to do for a
 * usual call is a copy into the buffer, a few bytes changed, and three look-ups when the answer comes.
 */
export class Connection implements FrameSink {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #out: OutBuffer;
  readonly #reader = new FrameReader(this);
  readonly #calls = new Map<number, Call>();
  readonly #sending: SendQueue;
  readonly #connectTimer: NodeJS.Timeout;
  #state: 'connecting' | 'open' | 'leaving' | 'closed' = 'connecting';
  #limit = 0;
  #nextStream = 1;
  #consumed = 0;
  #reason = '';
  #answered = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#events = options.events;
    const socketOptions = {
      host: options.host,
      port: options.port,
      noDelay: true,
      writableHighWaterMark: 1,
      onread: { buffer: options.readBuffer, callback: (length: number) => this.#read(length) },
    };
    this.#socket = connect(socketOptions);
    this.#out = new OutBuffer(this.#socket);
    this.#sending = new SendQueue(this.#out);
    this.#connectTimer = setTimeout(
      () => this.close(`no HTTP/2 settings within ${options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS} ms`),
      options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    );
    this.#socket.on('connect', () => this.#socket.write(clientPreface()));
    this.#socket.on('error', (error) => {
      this.#reason ||= error.message || String((error as NodeJS.ErrnoException).code);
    });
    this.#socket.on('drain', () => this.#onDrain());
    this.#socket.on('close', () => this.#closed('the server closed the connection'));
  }

  /** Calls that could be opened now. */
  get room(): number {
    return this.#state === 'open' ? this.#limit - this.#calls.size : 0;
  }

  /** The settings have been exchanged, and the server is not going away. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Calls that got an answer from the server. */
  get answered(): number {
    return this.#answered;
  }

  /** Opens a call; only while there is room. Written with the next `flush`. */
  open(call: Call, timeoutMs: number): void {
    const { request } = call;
    const body = request.bodies[call.bodyIndex];
    if (body === undefined) throw new Error(`the template has no body ${call.bodyIndex}`);
    const stream = this.#nextStream;
    this.#nextStream += 2;
    call.stream = stream;
    this.#calls.set(stream, call);
    const { whole, message } = body;
    if (whole !== undefined && this.#sending.takeAtOnce(message.length)) {
      const at = this.#out.reserve(whole.length);
      request.writeWhole(this.#out.bytes, at, whole, stream, timeoutMs);
    } else {
      const at = this.#out.reserve(request.head.length);
      request.writeHead(this.#out.bytes, at, stream, timeoutMs);
      this.#sending.add(call, message);
    }
    if (this.#nextStream > MAX_STREAM_ID) this.#leave();
  }

  flush(): void {
    this.#out.flush();
  }

  /** Ends the connection; open calls end with it. Idempotent. */
  close(reason: string): void {
    this.#reason ||= reason;
    this.#closed(reason);
    this.#socket.destroy();
  }

  #read(length: number): boolean {
    try {
      this.#reader.push(this.#options.readBuffer, length);
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
    this.#out.flush();
    this.#events.onReadDone();
    return true;
  }

  #onDrain(): void {
    this.#sending.pump();
    this.#out.flush();
  }

  onSettings(settings: readonly (readonly [id: number, value: number])[]): void {
    const first = this.#state === 'connecting';
    let limit = first ? this.#options.streams : this.#limit;
    for (const [id, value] of settings) {
      if (id === SETTING.maxConcurrentStreams) limit = Math.min(this.#options.streams, value);
      else if (id === SETTING.initialWindowSize) this.#sending.setInitialWindow(value);
      else if (id === SETTING.maxFrameSize) this.#sending.setMaxFrame(value);
    }
    this.#limit = limit;
    this.#out.append(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
    if (first) {
      clearTimeout(this.#connectTimer);
      this.#state = 'open';
    }
    this.#sending.pump();
    if (this.room > 0) this.#events.onRoom(this);
  }

  onHeaders(stream: number, endStream: boolean, bytes: Buffer, from: number, to: number): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    const headers = this.#options.headers.get(bytes, from, to);
    if (headers.httpStatus >= 200) call.httpStatus = headers.httpStatus;
    if (headers.grpcStatus >= 0) {
      call.grpcStatus = headers.grpcStatus;
      call.statusMessage = headers.message;
    }
    if (endStream) this.#finish(call);
  }

  onData(stream: number, bytes: Buffer, from: number, to: number): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    const message = call.receive(bytes, from, to);
    if (message !== undefined) this.#events.onMessage(call, message);
  }

  onDataEnd(stream: number, flowBytes: number, endStream: boolean): void {
    this.#consumed += flowBytes;
    if (this.#consumed >= WINDOW_PORTION_BYTES) {
      this.#out.append(numberFrame(FRAME.windowUpdate, 0, this.#consumed));
      this.#consumed = 0;
    }
    if (!endStream) return;
    const call = this.#calls.get(stream);
    if (call !== undefined) this.#finish(call);
  }

  onReset(stream: number, errorCode: number): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    call.status = statusOfReset(errorCode);
    call.statusMessage = `the server reset the stream with error ${errorCode}`;
    this.#end(call);
  }

  onPing(payload: Buffer): void {
    this.#out.append(frame(FRAME.ping, FLAG.ack, 0, payload));
  }

  onGoaway(lastStream: number, errorCode: number, debug: string): void {
    if (errorCode !== H2_ERROR.noError) this.#reason ||= `GOAWAY with error ${errorCode} ${debug}`.trim();
    const handedBack = [...this.#calls.values()].filter((call) => call.stream > lastStream);
    for (const call of handedBack) {
      this.#calls.delete(call.stream);
      this.#sending.remove(call);
    }
    this.#leave();
    for (const call of handedBack) this.#events.onHandedBack(call);
    this.#closeWhenDone();
  }

  onWindowUpdate(stream: number, bytes: number): void {
    if (stream === 0) this.#sending.grow(bytes);
    else {
      const call = this.#calls.get(stream);
      if (call !== undefined && call.unsent > 0) call.sendWindow += bytes;
    }
    this.#sending.pump();
  }

  #finish(call: Call): void {
    call.finish();
    this.#end(call);
  }

  #end(call: Call): void {
    this.#answered++;
    this.#calls.delete(call.stream);
    if (call.unsent > 0) {
      // The server has answered without waiting for the whole request: the rest is not wanted.
      this.#sending.remove(call);
      this.#out.append(numberFrame(FRAME.rstStream, call.stream, H2_ERROR.cancel));
    }
    this.#events.onEnd(call, this);
    this.#closeWhenDone();
  }

  #leave(): void {
    if (this.#state === 'leaving' || this.#state === 'closed') return;
    clearTimeout(this.#connectTimer);
    this.#state = 'leaving';
    this.#events.onLeaving(this);
  }

  #closeWhenDone(): void {
    if (this.#state !== 'leaving' || this.#calls.size > 0) return;
    this.#out.flush();
    this.close(this.#reason || 'the server went away');
  }

  #closed(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#connectTimer);
    this.#reader.stop();
    this.#reason ||= reason;
    const cut = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of cut) {
      call.status = STATUS.connection;
      call.statusMessage = this.#reason;
    }
    // First the connection is known to be closed, then its calls end: what they start goes elsewhere.
    this.#events.onClosed(this, this.#reason);
    for (const call of cut) this.#events.onEnd(call, this);
  }
}
