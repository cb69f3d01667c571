import { once } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { GatewayError, quote } from '../core/error.js';
import type { TlsIdentity } from '../core/tls.js';
import { SecureSockets } from './secure-sockets.js';
import { SilentSockets, type Speaker } from './silent-sockets.js';
import { closeToOthers, removeStale } from './unix-socket.js';

/** Longest path of a Unix socket in bytes, on Linux; the kernel's field has room for one more, a zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** What is wrong with an address, by the system's error codes. */
const FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use: stop the process that listens there, or choose another one',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied: the port is below 1024, or the folder of the socket is missing or not writable',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EAFNOSUPPORT: 'this machine does not have that kind of address (IPv6?)',
};

/** Reads `host:port`, `[v6]:port` or `unix:path`. Throws INVALID_ARGUMENT, naming the address. */
export function parseAddress(address: string): ListenOptions {
  if (address.startsWith('unix:')) {
    const path = address.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    const bytes = Buffer.byteLength(path);
    if (bytes === 0) throw badAddress(address, 'the path of the socket is missing');
    if (bytes > MAX_SOCKET_PATH_BYTES)
      throw badAddress(
        address,
        `the path has ${bytes} bytes, a Unix socket takes at most ${MAX_SOCKET_PATH_BYTES}`,
      );
    return { path };
  }
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65535)
    throw badAddress(address, 'wanted host:port, [IPv6]:port with a port of 0 to 65535, or unix:/path');
  return { host: match[1] ?? match[2] ?? '', port };
}

function badAddress(address: string, why: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', `cannot listen for gRPC on ${quote(address, 200)}: ${why}`);
}

/** How a listener encrypts. */
interface ListenerTls {
  readonly identity: TlsIdentity;
  readonly handshakeTimeoutMs: number;
}

export interface ListenerOptions {
  /** One more takes the place of one whose client has said nothing, or is closed. */
  readonly maxConnections: number;
  readonly onConnection: (socket: Socket) => void;
  /** Names the setting of the port to who finds it taken. @default '--grpc-port' */
  readonly portFlag?: string | undefined;
  /** @default no encryption */
  readonly tls?: ListenerTls | undefined;
}

/**
 * The TCP or Unix socket that gRPC listens on: clear errors, a bound on connections, and a way to cut them all.
 */
export class Listener {
  readonly #address: string;
  readonly #portFlag: string;
  readonly #maxConnections: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #silent = new SilentSockets();
  readonly #secure: SecureSockets | undefined;

  constructor(
    address: string,
    { maxConnections, onConnection, portFlag = '--grpc-port', tls }: ListenerOptions,
  ) {
    this.#address = address;
    this.#portFlag = portFlag;
    this.#maxConnections = maxConnections;
    this.#server = createServer({ noDelay: true }, (socket) => {
      if (!this.#admit(socket)) return;
      if (this.#secure !== undefined) this.#watchSilence(socket, this.#secure.accept(socket));
      else {
        this.#watchSilence(socket, socket);
        onConnection(socket);
      }
    });
    if (tls !== undefined)
      this.#secure = new SecureSockets(tls.identity, tls.handshakeTimeoutMs, onConnection);
  }

  /** Resolves to the port; 0 for a Unix socket. Rejects with a GatewayError that names the address. */
  async listen(): Promise<number> {
    const server = this.#server;
    const where = parseAddress(this.#address);
    try {
      await bind(server, where);
    } catch (thrown) {
      const cause = thrown as NodeJS.ErrnoException;
      const why = FAULTS[cause.code ?? ''] ?? cause.message;
      const way = cause.code === 'EADDRINUSE' ? ` (${this.#portFlag})` : '';
      const message = `cannot listen for gRPC on ${quote(this.#address, 200)}: ${why}${way}`;
      throw new GatewayError('FAILED_PRECONDITION', message, { cause });
    }
    // Later errors (EMFILE on accept) pass: a connection is lost, the server is not.
    server.on('error', () => {});
    const bound = server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : 0;
  }

  /** Takes no new connections; resolves when those there are have ended. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      // An error here says that it was not listening: closed all the same.
      this.#server.close(() => resolve());
      this.#secure?.cutUnfinished();
    });
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #admit(socket: Socket): boolean {
    // Who floods the port with silent connections must not keep those out who have something to say.
    if (this.#sockets.size >= this.#maxConnections && !this.#silent.evict()) {
      // A reset of what is closed anyway.
      socket.on('error', () => {});
      socket.destroy();
      return false;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return true;
  }

  /** @param speaker the part of it that tells what the client has said of HTTP/2 */
  #watchSilence(socket: Socket, speaker: Speaker): void {
    this.#silent.add(speaker);
    socket.once('close', () => this.#silent.remove(speaker));
  }
}

async function bind(server: Server, where: ListenOptions): Promise<void> {
  const { path } = where;
  const tryOnce = async () => {
    server.listen(where);
    await once(server, 'listening');
  };
  try {
    await tryOnce();
  } catch (thrown) {
    const taken = (thrown as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!taken || path === undefined || !(await removeStale(path))) throw thrown;
    await tryOnce();
  }
  if (path !== undefined) await closeToOthers(path);
}
