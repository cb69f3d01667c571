import { once } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { GatewayError, quote } from '../core/error.js';
import { SilentSockets } from './silent-sockets.js';

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

  /**
   * @param maxConnections one more takes the place of one whose client has said nothing, or is closed
   * @param portFlag names the setting of the port to who finds it taken
   */
  constructor(
    address: string,
    maxConnections: number,
    onConnection: (socket: Socket) => void,
    portFlag = '--grpc-port',
  ) {
    this.#address = address;
    this.#portFlag = portFlag;
    this.#maxConnections = maxConnections;
    this.#server = createServer({ noDelay: true }, (socket) => {
      if (!this.#admit(socket)) return;
      onConnection(socket);
    });
  }

  /** Resolves to the port; 0 for a Unix socket. Rejects with a GatewayError that names the address. */
  async listen(): Promise<number> {
    const server = this.#server;
    server.listen(parseAddress(this.#address));
    try {
      await once(server, 'listening');
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
    this.#silent.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#silent.remove(socket);
    });
    return true;
  }
}
