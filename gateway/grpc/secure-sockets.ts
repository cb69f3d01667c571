import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { TlsIdentity } from '../core/tls.js';
import type { Speaker } from './silent-sockets.js';

/** The one protocol that is spoken inside (RFC 9113, section 3.2). */
const ALPN = 'h2';

interface Opened {
  readonly raw: Socket;
  /** Undefined until the handshake is over. */
  secure?: TLSSocket;
}

/**
 * TLS on sockets that others have accepted, so that limits on connections count those, too, whose handshake is not over. A client that
 * does not get through its handshake in time, or offers no HTTP/2, is cut.
 */
export class SecureSockets {
  readonly #server: Server;
  /** By the client's address and port: a raw socket and its secure one know nothing of each other. */
  readonly #opened = new Map<string, Opened>();

  constructor(identity: TlsIdentity, handshakeTimeoutMs: number, onSecure: (socket: TLSSocket) => void) {
    this.#server = createServer({
      ...identity.policy,
      ALPNProtocols: [ALPN],
      handshakeTimeout: handshakeTimeoutMs,
    });
    this.#server.on('secureConnection', (socket) => {
      const opened = this.#opened.get(peerOf(socket));
      // Who offers no protocol at all is let through by the handshake.
      if (opened === undefined || socket.alpnProtocol !== ALPN) {
        socket.on('error', () => {}).destroy();
        return;
      }
      opened.secure = socket;
      onSecure(socket);
    });
    // No certificate, a bad one, no TLS at all, or too slow: the client was told what can be told.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
    identity.keep(this.#server);
  }

  /** Begins the handshake. What it answers has read what came after the handshake: nothing before. */
  accept(raw: Socket): Speaker {
    const opened: Opened = { raw };
    const peer = peerOf(raw);
    this.#opened.set(peer, opened);
    raw.once('close', () => {
      if (this.#opened.get(peer) === opened) this.#opened.delete(peer);
    });
    this.#server.emit('connection', raw);
    return {
      get bytesRead() {
        return opened.secure?.bytesRead ?? 0;
      },
      destroy: () => raw.destroy(),
    };
  }

  /** Cuts those whose handshake is not over: nothing of theirs is lost. */
  cutUnfinished(): void {
    for (const { raw, secure } of this.#opened.values()) if (secure === undefined) raw.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
