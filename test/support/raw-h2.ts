import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  frame,
  PREFACE,
  readUint32,
  settingsFrame,
} from '../../gateway/http2/frames.js';
import { encodeHeaders } from '../../gateway/http2/hpack-encode.js';

/** One frame that the server sent. */
export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** gRPC's usual request headers for a path. */
export function requestHeaders(path: string, extra: readonly (readonly [string, string])[] = []): Buffer {
  return encodeHeaders([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'test'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ...extra,
  ]);
}

/** A HEADERS frame that opens a call and leaves it open. */
export function openCall(
  stream: number,
  path: string,
  extra: readonly (readonly [string, string])[] = [],
): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders, stream, requestHeaders(path, extra));
}

/** An HTTP/2 client that sends any bytes at all, and keeps what frames come back. */
export class RawH2 {
  readonly frames: SeenFrame[] = [];
  readonly socket: Socket;
  closed = false;
  #rest: Buffer = Buffer.alloc(0);
  #wakes: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Connects, and says nothing. */
  static async connect(port: number): Promise<RawH2> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawH2(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Connects and opens HTTP/2 as a good client does; settings are given by number. */
  static async open(port: number, settings: readonly (readonly [number, number])[] = []): Promise<RawH2> {
    const client = await RawH2.connect(port);
    client.send(PREFACE, settingsFrame(settings), frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
    return client;
  }

  send(...bytes: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** As `send`; resolves when the system has taken it, or when it never will. */
  async sendAll(bytes: Uint8Array): Promise<void> {
    if (this.socket.destroyed) return;
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** The error code of the GOAWAY that came; undefined when none did. */
  get goaway(): number | undefined {
    const last = this.frames.findLast(({ type }) => type === FRAME.goaway);
    return last === undefined ? undefined : readUint32(last.payload, 4);
  }

  /** The error code with which a stream was reset; undefined when it was not. */
  resetOf(stream: number): number | undefined {
    const seen = this.frames.find((each) => each.type === FRAME.rstStream && each.stream === stream);
    return seen === undefined ? undefined : readUint32(seen.payload, 0);
  }

  /** Resolves to whether `condition` came true; false when the connection closed or the time passed before. */
  async until(condition: () => boolean, timeoutMs = 2000): Promise<boolean> {
    const timer = setTimeout(() => this.#wake(), timeoutMs);
    const end = performance.now() + timeoutMs;
    while (!condition() && !this.closed && performance.now() < end - 1)
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    clearTimeout(timer);
    return condition();
  }

  /** Whether the server ended the connection, with GOAWAY or without, within the time. */
  ended(timeoutMs?: number): Promise<boolean> {
    return this.until(() => this.closed || this.goaway !== undefined, timeoutMs);
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + FRAME_HEADER_BYTES <= this.#rest.length) {
      const bytes = this.#rest.readUIntBE(at, 3);
      const end = at + FRAME_HEADER_BYTES + bytes;
      if (end > this.#rest.length) break;
      this.frames.push({
        type: this.#rest[at + 3] as number,
        flags: this.#rest[at + 4] as number,
        stream: readUint32(this.#rest, at + 5) & 0x7fff_ffff,
        payload: Buffer.from(this.#rest.subarray(at + FRAME_HEADER_BYTES, end)),
      });
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}
