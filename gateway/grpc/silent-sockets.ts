import type { Socket } from 'node:net';

/** The preface of HTTP/2 and the head of the SETTINGS frame that must follow it (RFC 9113, section 3.4). */
export const OPENING_BYTES = 24 + 9;

/** The part of a socket that says whether its client has spoken. */
export type Speaker = Pick<Socket, 'bytesRead'> & { destroy(): unknown };

/** Connections whose clients may not have said enough to be one of HTTP/2: the first to go when there is no room. */
export class SilentSockets {
  /** In the order in which they came. Those that have spoken since are taken out when they are met. */
  readonly #sockets = new Set<Speaker>();

  add(socket: Speaker): void {
    this.#sockets.add(socket);
  }

  remove(socket: Speaker): void {
    this.#sockets.delete(socket);
  }

  /** Closes the one that has been silent for longest; false when none is. */
  evict(): boolean {
    for (const socket of this.#sockets) {
      this.#sockets.delete(socket);
      if (socket.bytesRead >= OPENING_BYTES) continue;
      socket.destroy();
      return true;
    }
    return false;
  }
}
